// A plot of parks by longitude and latitude: no tiles, no network, only where they lie to each other.
import { html } from '../vendor/preact-htm.js'
import { t } from './text.js'

const width = 640, height = 420, edge = 26

// placeOf scales degrees to the plot; a degree of longitude is shorter than one of latitude, by the cosine.
function scaleOf(parks) {
  const lng = parks.map((p) => Number(p.longitude)), lat = parks.map((p) => Number(p.latitude))
  const box = { w: Math.min(...lng), e: Math.max(...lng), s: Math.min(...lat), n: Math.max(...lat) }
  const midLat = (box.s + box.n) / 2, shrink = Math.cos((midLat * Math.PI) / 180)
  const k = Math.min((width - 2 * edge) / Math.max((box.e - box.w) * shrink, 0.01), (height - 2 * edge) / Math.max(box.n - box.s, 0.01))
  const midLng = (box.w + box.e) / 2
  return { k, box, shrink, at: (p) => [width / 2 + (Number(p.longitude) - midLng) * shrink * k, height / 2 - (Number(p.latitude) - midLat) * k] }
}

export function Plot({ parks, chosen, onChoose }) {
  const placed = parks.filter((p) => p.longitude)
  if (placed.length === 0) return null
  const scale = scaleOf(placed)
  const km = niceKm(120 / (scale.k / 111.2)), bar = (km * scale.k) / 111.2
  return html`<figure class="plot">
    <svg viewBox=${`0 0 ${width} ${height}`} role="img" aria-label=${t('mapLabel', { n: placed.length, withdrawn: placed.filter((p) => p.withdrawn).length })}>
      <g class="grid">${[1, 2, 3, 4, 5].map((i) => html`<line key=${'x' + i} x1=${(i * width) / 6} x2=${(i * width) / 6} y2=${height} />`)}${[1, 2, 3].map((i) => html`<line key=${'y' + i} y1=${(i * height) / 4} y2=${(i * height) / 4} x2=${width} />`)}</g>
      ${placed.filter((p) => p.park_sn !== chosen?.park_sn).map((p) => html`<${Dot} key=${p.park_sn} p=${p} at=${scale.at(p)} onChoose=${onChoose} />`)}
      ${chosen?.longitude && html`<${Dot} p=${chosen} at=${scale.at(chosen)} chosen />`}
      <g class="scale"><path d=${`M16 ${height - 20}v6h${bar}v-6`} /><text x=${22 + bar} y=${height - 13}>${km} km</text></g>
    </svg>
    ${parks.length > placed.length && html`<figcaption class="note">${t('noPlace', { n: parks.length - placed.length })}</figcaption>`}
  </figure>`
}

// Dot can be clicked; the keyboard's way to a park is the list beside.
const Dot = ({ p, at: [x, y], chosen, onChoose }) => html`<g class=${'park' + (p.withdrawn ? ' gone' : '') + (chosen ? ' chosen' : '')} transform=${`translate(${x.toFixed(1)} ${y.toFixed(1)})`} onClick=${() => onChoose?.(p.park_sn)}>
  <title>${p.park_name}${p.withdrawn ? ' · ' + t('withdrawn') : ''}</title>
  ${chosen && html`<circle class="halo" r="13" />`}
  <circle r=${chosen ? 7 : 4.5} />${p.withdrawn && html`<path d="M-4 -4 4 4M4 -4-4 4" />`}
</g>`

function niceKm(most) {
  let best = 1
  for (const n of [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500]) if (n <= most) best = n
  return best
}

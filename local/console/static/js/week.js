// A park's terms as a week of bars: the window of each day, what the night before leaves over, and free days.
import { html } from '../vendor/preact-htm.js'
import { t } from './text.js'

const minutes = (clock) => Number(clock.slice(0, 2)) * 60 + Number(clock.slice(3))

// weekOf gives each day, Monday first, its open spans in minutes: [{from, to, kind}], kind window, overnight or free.
export function weekOf(park) {
  const start = minutes(park.start_time), end = minutes(park.end_time) || 1440
  const over = end <= start
  const spans = [{ from: start, to: over ? 1440 : end, kind: 'window' }]
  if (over) spans.unshift({ from: 0, to: end, kind: 'overnight' })
  const free = [{ from: 0, to: 1440, kind: 'free' }]
  return [0, 1, 2, 3, 4, 5, 6].map((d) => ((d === 5 && park.is_sat) || (d === 6 && park.is_sun) ? free : spans))
}

const hhmm = (m) => String(Math.floor(m / 60)).padStart(2, '0') + ':' + String(m % 60).padStart(2, '0')

const inWords = (spans) => spans.map((s) => (s.kind === 'free' ? t('freeDay') : `${hhmm(s.from)}–${hhmm(s.to)}${s.kind === 'overnight' ? ' ' + t('overnight') : ''}`)).join(', ')

// Spark is the week in one small line, for lists.
export const Spark = ({ park }) => html`<svg class="spark" viewBox="0 0 140 12" aria-hidden="true" preserveAspectRatio="none">
  ${weekOf(park).flatMap((spans, d) => spans.map((s) => html`<rect key=${d + s.kind} class=${s.kind} x=${d * 20 + (s.from / 1440) * 18.5} width=${((s.to - s.from) / 1440) * 18.5} y="0" height="12" />`))}
</svg>`

// Week is the same at full size, with words for those who do not see bars.
export function Week({ park }) {
  const names = t('weekdays').split(' ')
  const days = weekOf(park)
  if (park.is_holiday) { names.push(t('holiday')); days.push([{ from: 0, to: 1440, kind: 'free' }]) }
  return html`<div class="week">
    <div class="hours" aria-hidden="true"><span></span><div>${[0, 6, 12, 18, 24].map((h) => html`<span key=${h}>${h}</span>`)}</div></div>
    <ul>${days.map((spans, i) => html`<li key=${i}>
      <span class="day">${names[i]}</span>
      <span class="sr-only">${inWords(spans)}</span>
      <svg viewBox="0 0 1440 20" preserveAspectRatio="none" aria-hidden="true">
        <rect class="ground" width="1440" height="20" />
        ${spans.map((s) => html`<rect key=${s.kind} class=${s.kind} x=${s.from} width=${s.to - s.from} height="20"><title>${inWords([s])}</title></rect>`)}
        ${[360, 720, 1080].map((m) => html`<line key=${m} x1=${m} x2=${m} y2="20" />`)}
      </svg>
    </li>`)}</ul>
    <ul class="legend" aria-hidden="true"><li><i class="window"></i>${t('window')}</li><li><i class="overnight"></i>${t('overnight')}</li><li><i class="free"></i>${t('freeDay')}</li></ul>
  </div>`
}

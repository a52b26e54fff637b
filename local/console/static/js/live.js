// Live: every call between app, gateway, queue and Tongli as a travelling line.
import { html, useEffect, useMemo, useState } from '../vendor/preact-htm.js'
import { call, useData, useEvents } from './server.js'
import { t, timeOf, shortTime } from './text.js'
import { Announce, Badge, Code, Sheet } from './ui.js'
import { about, fromTo, lanes, resultOf, titleOf, tookOf, whoOf } from './say.js'
import { TryIt } from './tryit.js'

const rowsShown = 120

export function Live({ query }) {
  const [filter, setFilter] = useState(query.about ?? '')
  const [idle, setIdle] = useState(false)
  const [stop, setStop] = useState(null) // the id of the last event that is shown while paused
  const [from, setFrom] = useState(0)
  const [open, setOpen] = useState(null)
  const [said, setSaid] = useState('')
  const [depth] = useData('api/queue', ['queue'])
  useEffect(() => setFilter(query.about ?? ''), [query.about])
  const { events } = useEvents((e) => { if (e.fresh && (e.kind === 'state' || e.kind === 'breaker')) setSaid(titleOf(e)) })
  const wanted = events.filter((e) => e.id > from && (idle || !e.quiet) && e.kind !== 'queue' && about(e, filter))
  const shown = wanted.filter((e) => stop === null || e.id <= stop)
  return html`
    <p class="lead">${t('liveLead')}</p>
    <${TryIt} />
    <div class="tools">
      <label class="grow"><span class="sr-only">${t('filter')}</span><input type="search" value=${filter} placeholder=${t('filter')} onInput=${(e) => setFilter(e.target.value)} /></label>
      <label class="check"><input type="checkbox" checked=${idle} onChange=${(e) => setIdle(e.target.checked)} /> ${t('idle')}</label>
      <button type="button" onClick=${() => setStop(stop === null ? events.reduce((n, e) => Math.max(n, e.id), 0) : null)}>${stop === null ? t('pause') : t('resume')}</button>
      <button type="button" onClick=${() => setFrom(events.reduce((n, e) => Math.max(n, e.id), 0))}>${t('clear')}</button>
      ${stop !== null && html`<span class="note">${t('paused', { n: wanted.length - shown.length })}</span>`}
    </div>
    <${Announce}>${said}<//>
    ${depth && html`<p class="depth">${t('queue')}: ${t('depth', depth)} ${depth.dead > 0 && html`<${Badge} tone="bad">${t('dead', { n: depth.dead })}<//>`}</p>`}
    <section class="stage" aria-label=${t('calls')}>
      <div class="lanes-head" aria-hidden="true"><span></span><div>${lanes.map((l) => html`<span key=${l} class=${l}>${t(l)}</span>`)}</div><span></span></div>
      ${shown.length === 0 && html`<p class="none">${t(events.length && filter ? 'nothingMatches' : 'nothingYet')}</p>`}
      <ol class="rows">${shown.slice(-rowsShown).reverse().map((e) => html`<${Row} key=${e.id} e=${e} onOpen=${setOpen} />`)}</ol>
    </section>
    ${open && html`<${Detail} e=${open} onClose=${() => setOpen(null)} />`}`
}

// Row is one line: from where to where, what, and how it ended.
function Row({ e, onOpen }) {
  const a = Math.max(0, lanes.indexOf(e.from)), b = lanes.indexOf(e.to || e.from)
  const self = a === b || !e.to
  const fresh = useMemo(() => e.fresh && Date.now() - e.time < 5000, [e.id])
  const kind = `k-${e.kind} ${self ? 'self' : b > a ? 'right' : 'left'} ${e.ok ? 'ok' : 'failed'} ${fresh ? 'fresh' : ''}`
  return html`<li><button type="button" class=${'row ' + kind} onClick=${() => onOpen(e)} disabled=${e.quiet}>
    <time datetime=${e.at} title=${timeOf(e.at)}>${shortTime(e.at)}</time>
    <span class="track" style=${{ '--a': Math.min(a, b), '--span': Math.abs(a - b) }}>
      <span class="sr-only">${fromTo(e)}: </span>
      <span class=${'what' + (self && a === 3 ? ' end' : '')}>${titleOf(e)}</span>
      ${self ? html`<span class="mark" aria-hidden="true"></span>` : html`<span class="line" aria-hidden="true"></span>`}
    </span>
    <span class="result"><span class="status">${resultOf(e)}</span> <span class="took">${tookOf(e)}</span><span class="who">${whoOf(e)}</span></span>
  </button></li>`
}

// Detail shows request, string to sign and answer.
function Detail({ e, onClose }) {
  const [full, setFull] = useState(null)
  useEffect(() => { call('GET', 'api/events/' + e.id).then((a) => setFull(a.body), () => setFull({ error: t('disconnected') })) }, [e.id])
  return html`<${Sheet} title=${titleOf(e)} onClose=${onClose}>
    <dl class="facts">
      <div><dt>${t('at')}</dt><dd>${timeOf(e.at)}</dd></div>
      <div><dt>${t('lanes')}</dt><dd>${fromTo(e)}</dd></div>
      ${resultOf(e) && html`<div><dt>${t('status')}</dt><dd>${resultOf(e)}</dd></div>`}
      ${tookOf(e) && html`<div><dt>${t('took')}</dt><dd>${tookOf(e)}</dd></div>`}
      ${e.fault && html`<div><dt>${t('fault')}</dt><dd>${e.fault}</dd></div>`}
      ${whoOf(e) && html`<div><dt>${t('park')}, ${t('plate')}</dt><dd>${whoOf(e)}</dd></div>`}
      ${e.order_id && html`<div><dt>${t('orderID')}</dt><dd><a href=${'#/live?about=' + encodeURIComponent(e.order_id)} onClick=${onClose}>${e.order_id}</a></dd></div>`}
    </dl>
    ${e.note && html`<p class="note">${e.note}</p>`}
    ${full === null ? html`<p>${t('loading')}</p>` : full.error ? html`<p class="note">${full.error}</p>` : ['call', 'message', 'batch', 'run'].includes(e.kind) && html`
      <${Code} title=${t('request')} text=${full.request} pretty />
      ${full.string_to_sign && html`<${Code} title=${t('stringToSign')} text=${full.string_to_sign} />
        <p><a class="button" href=${'#/sign?event=' + e.id}>${t('openInSign')}</a></p>`}
      ${e.kind !== 'message' && html`<${Code} title=${t('answer')} text=${full.answer} pretty />`}`}
  <//>`
}

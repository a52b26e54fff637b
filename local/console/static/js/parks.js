// Parks: what we hold, where it lies, when it is open, and what the last poll changed.
import { html, useEffect, useMemo, useState } from '../vendor/preact-htm.js'
import { call, useData, why } from './server.js'
import { known, shortTime, t, yuan } from './text.js'
import { Announce, Badge } from './ui.js'
import { Plot } from './map.js'
import { Spark, Week } from './week.js'

const step = 40 // rows that are drawn at first, and more by a button

export function Parks({ query }) {
  const [search, setSearch] = useState('')
  const [q, setQ] = useState('')
  const [sn, setSn] = useState(query.park ?? null)
  const [rows, setRows] = useState(step)
  useEffect(() => { const timer = setTimeout(() => { setQ(search); setRows(step) }, 150); return () => clearTimeout(timer) }, [search])
  const [data] = useData('api/parks?q=' + encodeURIComponent(q), ['parks', 'run'])
  const chosen = useMemo(() => data?.parks.find((p) => p.park_sn === sn) ?? null, [data, sn])
  return html`
    <p class="lead">${t('parksLead')}</p>
    <div class="columns find">
      <section aria-label=${t('parks')}>
        <label class="field"><span class="sr-only">${t('searchParks')}</span><input type="search" value=${search} placeholder=${t('searchParks')} onInput=${(e) => setSearch(e.target.value)} /></label>
        ${data && html`<p class="note" role="status">${t('parksFound', { n: data.total, held: data.held })}</p>`}
        ${data === null ? html`<p>${t('loading')}</p>` : data.parks.length === 0 ? html`<p class="none">${t('noParks')}</p>` : html`
          <ul class="card list">${data.parks.slice(0, rows).map((p) => html`<li key=${p.park_sn}>
            <button type="button" aria-current=${p.park_sn === sn ? 'true' : undefined} onClick=${() => setSn(p.park_sn)}>
              <span class="name">${p.park_name}</span>${p.withdrawn && html` <${Badge} tone="bad">${t('withdrawn')}<//>`}
              <span class="under"><code>${p.park_sn}</code><span>${p.start_time}–${p.end_time}</span><${Spark} park=${p} /></span>
            </button></li>`)}</ul>
          ${data.parks.length > rows && html`<button type="button" onClick=${() => setRows(rows + 4 * step)}>${t('more')}</button>`}`}
      </section>
      <div class="stack">
        <section class="card" aria-labelledby="map-title"><h2 id="map-title">${t('map')}</h2>${data && html`<${Plot} parks=${data.parks} chosen=${chosen} onChoose=${setSn} />`}</section>
        <${Terms} park=${chosen} />
        <${LastPoll} poll=${data?.poll} onChoose=${setSn} />
      </div>
    </div>`
}

function Terms({ park }) {
  return html`<section class="card terms" aria-labelledby="terms-title" aria-live="polite">
    <h2 id="terms-title">${park ? park.park_name : t('terms')} ${park?.withdrawn && html`<${Badge} tone="bad">${t('withdrawn')}<//>`}</h2>
    ${!park ? html`<p class="note">${t('choosePark')}</p>` : html`
      <dl class="facts">
        <div><dt>park_sn</dt><dd><code>${park.park_sn}</code></dd></div>
        <div><dt>${t('deadline')}</dt><dd>${park.deadline}</dd></div>
        <div><dt>${t('startPrice')}</dt><dd>${yuan(park.start_price)}</dd></div>
        <div><dt>${t('perHalfHour')}</dt><dd>${yuan(park.price)}</dd></div>
        <div><dt>${t('holidayPrice')}</dt><dd>${yuan(park.holiday_price)}</dd></div>
        <div><dt>${t('source')}</dt><dd>${t('by' + park.source)} · ${park.updated_at.slice(0, 10)} ${shortTime(park.updated_at)}</dd></div>
      </dl>
      <${Week} park=${park} />
      ${!park.withdrawn && html`<p><a class="button" href=${'#/orders?park=' + encodeURIComponent(park.park_sn)}>${t('leaseHere')}</a></p>`}`}
  </section>`
}

// LastPoll says what the poller reported, and which parks it changed.
function LastPoll({ poll, onChoose }) {
  const [said, setSaid] = useState('')
  const [busy, setBusy] = useState(false)
  const run = async () => {
    if (busy) return
    setBusy(true)
    try { const a = await call('POST', 'api/poll'); setSaid(a.ok ? '' : t('failed', { why: why(a) })) } catch { setSaid(t('disconnected')) }
    setBusy(false)
  }
  const r = poll?.report
  return html`<section class="card poll" aria-labelledby="poll-title">
    <header><h2 id="poll-title">${t('lastPoll')}</h2><button type="button" onClick=${run}>${t('pollNow')}</button></header>
    <${Announce} visible>${said}<//>
    ${!poll ? html`<p class="note">${t('noPoll')}</p>` : html`
      <p><time datetime=${poll.at}>${shortTime(poll.at)}</time> ${r && html`<${Badge} tone=${r.complete ? 'good' : 'wait'}>${r.complete ? t('pollComplete') : t('pollIncomplete', { why: r.reason })}<//>`}</p>
      ${r && html`<p class="note">${t('pollCounts', r)}</p>`}
      ${poll.total === 0 ? html`<p class="note">${t('noChanges')}</p>` : html`<ul class="changes">${poll.changes.slice(0, 30).map((c) => html`<li key=${c.park_sn}>
        <${Badge} tone=${{ withdrawn: 'bad', added: 'good', back: 'good' }[c.kind] ?? 'wait'}>${known(c.kind)}<//>
        <button type="button" class="quiet" onClick=${() => onChoose(c.park_sn)}>${c.park_name}</button> ${c.fields && html`<code>${c.fields.join(' ')}</code>`}</li>`)}</ul>`}
      ${poll.total > 30 && html`<p class="note">+${poll.total - 30}</p>`}`}
  </section>`
}

// Tongli: the simulator's whitelist beside what our live orders say, its faults, and the breaker.
import { html, useEffect, useState } from '../vendor/preact-htm.js'
import { call, useData, useEvents, why } from './server.js'
import { shortTime, slotText, t } from './text.js'
import { Announce, Badge, toneOf } from './ui.js'
import { breakerWord } from './say.js'

// The faults that the buttons set. Slow answers after three seconds; the gateway gives a call up after ten.
const faults = {
  down: { kind: 'status', status: 503 },
  slow: { kind: 'delay', delay_ms: 3000 },
  refuse: { kind: 'code', code: 40003, interface: 'SynLeaseOrder' },
  unauthorised: { kind: 'status', status: 401 },
  drop: { kind: 'drop' },
}
const nameOf = (f) => Object.keys(faults).find((n) => faults[n].kind === f.kind && (faults[n].status ?? 0) === f.status && (faults[n].code ?? 0) === f.code)

export function Tongli() {
  const [data, reload] = useData('api/tongli', ['call', 'state', 'breaker', 'fault', 'run', 'batch'])
  const [said, setSaid] = useState('')
  const [busy, setBusy] = useState(false)
  const act = async (method, path, body, then) => {
    if (busy) return // the buttons stay enabled, or the keyboard would lose its place
    setBusy(true)
    try {
      const answer = await call(method, path, body)
      setSaid(answer.ok ? (then?.(answer) ?? '') : t('failed', { why: why(answer) }))
    } catch { setSaid(t('disconnected')) }
    setBusy(false)
    reload()
  }
  if (!data) return html`<p>${t('loading')}</p>`
  const set = data.faults?.[0] && (nameOf(data.faults[0]) ?? data.faults[0].kind)
  const report = (what) => (a) => t('ran', { what: t(what), report: Object.entries(a.body).filter(([, v]) => typeof v !== 'object' && v !== 0 && v !== '').slice(0, 8).map(([k, v]) => `${k} ${v}`).join(', ') })
  return html`
    <p class="lead">${data.simulator ? t('tongliLead') : t('noSimulator', { url: data.url })}</p>
    <div class="panels">
      ${data.simulator && html`<section class="card" aria-labelledby="faults-title"><h2 id="faults-title">${t('faults')}</h2>
        <div class="buttons">${Object.keys(faults).map((f) => html`<button key=${f} type="button" aria-pressed=${set === f} onClick=${() => act('POST', 'api/faults', faults[f])}>${t(f)}</button>`)}
          <button type="button" class="primary" aria-disabled=${!set} onClick=${() => set && act('DELETE', 'api/faults')}>${t('well')}</button></div>
        <p role="status" class=${set ? 'bad-text' : 'note'}>${set ? t('faultNow', { kind: faults[set] ? t(set) : set }) : t('noFault')}</p>
      </section>`}
      <${Breaker} b=${data.breaker} />
      <section class="card" aria-labelledby="run-title"><h2 id="run-title">${t('runNow')}</h2>
        <div class="buttons"><button type="button" onClick=${() => act('POST', 'api/poll', undefined, report('pollRan'))}>${t('pollNow')}</button>
          <button type="button" onClick=${() => act('POST', 'api/sweep', undefined, report('sweepRan'))}>${t('sweepNow')}</button></div>
        <${Announce} visible>${said}<//>
      </section>
    </div>
    ${data.simulator && html`<${Whitelist} rows=${data.rows} all=${data.all} />`}`
}

function Breaker({ b }) {
  const [, tick] = useState(0)
  useEvents()
  useEffect(() => { const timer = setInterval(() => tick((n) => n + 1), 1000); return () => clearInterval(timer) }, [])
  const state = b.state === 'open' && Date.parse(b.until) <= Date.now() ? 'half-open' : b.state
  return html`<section class="card breaker" aria-labelledby="breaker-title"><h2 id="breaker-title">${t('breaker')}</h2>
    <p role="status"><${Badge} tone=${toneOf(state)}>${breakerWord(state)}<//> ${state === 'open' && html`<span>${t('until', { at: shortTime(b.until) })}</span>`}</p>
    <p class="note">${t(state === 'closed' ? 'breakerClosed' : state === 'open' ? 'breakerOpen' : 'breakerHalf')}</p>
    ${b.reason && html`<p class="note bad-text">${b.reason}</p>`}
  </section>`
}

function Whitelist({ rows, all }) {
  const differ = rows.filter((r) => !r.same)
  const key = (s) => slotText(s)
  return html`<section class="card whitelist" aria-labelledby="whitelist-title">
    <header><h2 id="whitelist-title">${t('whitelist')}</h2>
      <p role="status">${rows.length > 0 && html`<${Badge} tone=${differ.length ? 'bad' : 'good'}>${differ.length ? t('someDiffer', { d: differ.length, n: rows.length }) : t('allSame', { n: rows.length })}<//>`}</p></header>
    <p class="note">${t('whitelistLead')} ${!all && t('ordersCut')}</p>
    ${rows.length === 0 ? html`<p class="none">${t('noWhitelist')}</p>` : html`
      <table><thead><tr><th scope="col">${t('plate')}</th><th scope="col">${t('ours')}</th><th scope="col">${t('theirs')}</th><th scope="col">${t('agreement')}</th></tr></thead>
      <tbody>${[...differ, ...rows.filter((r) => r.same)].map((r) => {
        const theirs = new Set(r.theirs.map(key)), ours = new Set(r.ours.map(key))
        return html`<tr key=${r.park_sn + r.car_plate_no} class=${r.same ? '' : 'differs'}>
          <th scope="row">${r.car_plate_no}<code>${r.park_sn}</code></th>
          <td data-label=${t('ours')}><${Slots} slots=${r.ours} other=${theirs} word="missing" /></td>
          <td data-label=${t('theirs')}><${Slots} slots=${r.theirs} other=${ours} word="extra" /></td>
          <td data-label=${t('agreement')}>${r.same ? html`<${Badge} tone="good">${t('same')}<//>` : html`<${Badge} tone=${r.why === 'pending' ? 'wait' : 'bad'}>${t('differs')}<//><span class="note">${t(r.why === 'pending' ? 'isPending' : 'isUnexplained')}</span>`}</td></tr>`
      })}</tbody></table>`}
  </section>`
}

const Slots = ({ slots, other, word }) => slots.length === 0 ? html`<span class="note">${t('nothing')}</span>` : html`<ul class="slots">${slots.slice(0, 8).map((s) => html`
  <li key=${slotText(s)} class=${other.has(slotText(s)) ? '' : 'odd'}>${slotText(s)}${!other.has(slotText(s)) && html` <em>${t(word)}</em>`}</li>`)}${slots.length > 8 && html`<li>+${slots.length - 8}</li>`}</ul>`

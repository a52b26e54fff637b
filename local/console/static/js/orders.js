// Orders: place by a form, cancel, push again; and the timeline of each order's whitelist state.
import { html, useState } from '../vendor/preact-htm.js'
import { call, live, useData, useEvents, why } from './server.js'
import { known, shortTime, slotText, t, timeOf } from './text.js'
import { Announce, Badge, State } from './ui.js'
import { OrderForm } from './orderform.js'
import { ofOrder, resultOf, stateWord, titleOf } from './say.js'

export function Orders({ query }) {
  const [data, reload] = useData('api/orders', ['state', 'call', 'batch', 'breaker'])
  const [said, setSaid] = useState('')
  useEvents()
  const act = async (method, path, id) => {
    try {
      const answer = await call(method, `api/orders/${encodeURIComponent(id)}${path}`)
      setSaid(answer.ok ? '' : t('failed', { why: why(answer) }))
    } catch { setSaid(t('disconnected')) }
    reload()
  }
  return html`
    <p class="lead">${t('ordersLead')}</p>
    <div class="columns">
      <${OrderForm} park=${query.park} onPlaced=${reload} />
      <section aria-labelledby="orders-title">
        <h2 id="orders-title">${t('ordersList')}</h2>
        <${Announce} visible>${said}<//>
        ${data === null ? html`<p>${t('loading')}</p>` : data.orders.length === 0 ? html`<p class="none">${t('noOrders')}</p>` : html`
          <ul class="cards">${data.orders.map((o) => html`<${Order} key=${o.order_id} o=${o} act=${act} />`)}</ul>
          ${!data.all && html`<p class="note">${t('ordersCut')}</p>`}`}
      </section>
    </div>`
}

function Order({ o, act }) {
  const steps = timelineOf(o)
  return html`<li class="card order" data-order=${o.order_id}>
    <header><h3>${o.car_plate_no}</h3><span class="badges"><${Badge}>${known(o.status)}<//><${State} status=${o.status} state=${o.state} /></span></header>
    <p class="ids"><code>${o.order_id}</code> · <code>${o.park_sn}</code></p>
    <ul class="slots">${o.dates.slice(0, 6).map((s) => html`<li key=${slotText(s)}>${slotText(s)}</li>`)}${o.dates.length > 6 && html`<li>+${o.dates.length - 6}</li>`}</ul>
    ${o.last_error && html`<p class="note bad-text">${o.last_error}</p>`}
    ${o.next_attempt_at && html`<p class="note">${t('nextAttempt', { at: shortTime(o.next_attempt_at) })}</p>`}
    <details><summary>${t('timeline')} <span class="note">${t('attempts', { n: o.attempts })}</span></summary>
      <ol class="timeline">${steps.map((s) => html`<li key=${s.key} class=${s.tone}><time>${s.time}</time> ${s.text}</li>`)}</ol>
    </details>
    <footer>
      ${o.status === 'active' && html`<button type="button" aria-label=${t('cancelOf', { id: o.order_id })} onClick=${() => act('DELETE', '', o.order_id)}>${t('cancel')}</button>`}
      ${o.status !== 'ended' && html`<button type="button" aria-label=${t('pushOf', { id: o.order_id })} onClick=${() => act('POST', '/push', o.order_id)}>${t('pushAgain')}</button>`}
      <a href=${'#/live?about=' + encodeURIComponent(o.car_plate_no)}>${t('showLive')}</a>
    </footer>
  </li>`
}

// timelineOf tells an order's life: what its row says, and what the stream has kept of it.
function timelineOf(o) {
  const steps = [{ key: 'placed', time: shortTime(o.created_at), text: t('created'), at: Date.parse(o.created_at), tone: '' }]
  for (const e of live.events) {
    if (!ofOrder(e, o) || e.quiet || e.kind === 'batch' || e.time < steps[0].at - 1000 || (e.kind === 'call' && e.title.startsWith('GET'))) continue
    const text = e.kind === 'state' ? stateWord(e) + (e.note ? ': ' + e.note : '') : titleOf(e) + ' ' + resultOf(e)
    steps.push({ key: e.id, time: timeOf(e.at), at: e.time, text, tone: e.kind === 'state' ? 'strong' : e.ok ? '' : 'bad-text' })
  }
  if (o.delivered_at && !steps.some((s) => s.tone === 'strong')) steps.push({ key: 'delivered', time: shortTime(o.delivered_at), text: known(o.state), tone: 'strong' })
  return steps
}

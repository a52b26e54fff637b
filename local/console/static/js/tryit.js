// TryIt: the demo by clicking. A park, a lease of tomorrow night, and its end.
import { html, useState } from '../vendor/preact-htm.js'
import { call, live, useEvents, why } from './server.js'
import { t, tomorrow } from './text.js'
import { Announce } from './ui.js'

const plate = '苏E88888'
export const demoPark = () => ({ park_sn: 'DEMO-1001', park_name: '园区停车场', deadline: '2027-12-31', start_time: '18:00', end_time: '08:00', is_sat: 1, is_sun: 1, is_holiday: 0,
  price: 150, start_price: 300, holiday_price: 2000, longitude: '120.619585', latitude: '31.299379' })

// What was done survives a look at another view.
const story = { step: 'ready', order: null, error: '' }

export function TryIt() {
  const [, draw] = useState(0)
  const [busy, setBusy] = useState(false)
  useEvents()
  const step = (change) => { Object.assign(story, change); draw((n) => n + 1) }
  const act = async (doing) => {
    if (busy) return
    setBusy(true)
    try { await doing() } catch { step({ error: t('disconnected') }) }
    setBusy(false)
  }
  const push = () => act(async () => {
    const answer = await call('POST', 'api/parks', demoPark())
    step(answer.ok ? { step: 'park', error: '' } : { error: why(answer) })
  })
  // A button that cannot be used yet keeps its place in the tab order, and the focus where it had it.
  const place = () => ['park', 'cancelled'].includes(story.step) && act(async () => {
    const order = { order_id: 'try-' + Date.now().toString(36), park_sn: demoPark().park_sn, car_plate_no: plate, dates: [{ date: tomorrow(), start_time: '19:00', end_time: '06:30' }] }
    const answer = await call('POST', 'api/orders', order)
    step(answer.ok ? { step: 'placed', order: order.order_id, error: '' } : { error: why(answer) })
  })
  const cancel = () => story.step === 'placed' && act(async () => {
    const answer = await call('DELETE', 'api/orders/' + story.order)
    step(answer.ok ? { step: 'cancelled', error: '' } : { error: why(answer) })
  })
  return html`<section class="card try" aria-labelledby="try-title">
    <h2 id="try-title">${t('tryIt')}</h2>
    <ol>
      <li><button type="button" class=${story.step === 'ready' ? 'primary' : ''} onClick=${push}>${t('step1')}</button></li>
      <li><button type="button" class=${['park', 'cancelled'].includes(story.step) ? 'primary' : ''} aria-disabled=${story.step === 'ready' || story.step === 'placed'} onClick=${place}>${t('step2')}</button></li>
      <li><button type="button" class=${story.step === 'placed' ? 'primary' : ''} aria-disabled=${story.step !== 'placed'} onClick=${cancel}>${t('step3')}</button></li>
    </ol>
    <${Announce} visible>${story.error ? t('failed', { why: story.error }) : progress()}<//>
  </section>`
}

// progress follows the order's whitelist state as the stream tells it.
function progress() {
  const last = live.events.findLast((e) => e.kind === 'state' && e.order_id === story.order)
  switch (story.step) {
    case 'park': return t('tryPark', { name: demoPark().park_name })
    case 'placed':
      if (last?.state === 'delivered') return t('tryGate', { plate })
      return last?.note ? t('tryPending', { error: last.note }) : t('tryWait', { id: story.order, plate })
    case 'cancelled':
      if (last?.title === 'cancelled' && last.state === 'delivered') return t('tryGone', { plate })
      return last?.note ? t('tryPending', { error: last.note }) : t('tryCancelling', { plate })
  }
  return t('tryReady')
}

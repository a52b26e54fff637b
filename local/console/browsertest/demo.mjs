// The demo by clicking: a park pushed, an order placed, at the gate, cancelled. And each line's request and answer.
import assert from 'node:assert/strict'
import { base, button, go, sees, story } from './browser.mjs'

const row = (page, text) => page.locator('.row').filter({ hasText: text }).first()

story('a lease in three steps', {}, async (page) => {
  await button(page, 'Tongli pushes a park').click()
  await sees(page, 'The park “园区停车场” is known')
  await button(page, 'A driver leases tomorrow night').click()
  await sees(page, 'The gate knows 苏E88888')
  for (const line of ['POST /lease/park', 'POST /app/orders', 'message queued', 'whitelist-pusher', 'POST /api/SynLeaseOrder', ': delivered']) await sees(page, row(page, line))

  await go(page, 'Tongli')
  await sees(page, 'All 1 plates agree')
  await go(page, 'Live')

  await row(page, 'POST /api/SynLeaseOrder').focus()
  await page.keyboard.press('Enter')
  const sheet = page.getByRole('dialog', { name: /SynLeaseOrder/ })
  await sees(page, sheet.getByRole('heading', { name: 'String to sign' }))
  const text = await sheet.innerText()
  for (const part of ['POST\n/api/SynLeaseOrder\napp_id=chejiajia-demo&nonce=', '"car_plate_no": "苏E88888"', '"code": 0', 'Gateway to Tongli', ' ms']) assert.ok(text.includes(part), `${part} is not in ${text}`)
  await page.keyboard.press('Escape')
  await sheet.waitFor({ state: 'detached' })
  assert.match(await page.evaluate(() => document.activeElement.innerText), /SynLeaseOrder/, 'the focus comes back to the line')

  await button(page, 'The driver cancels').click()
  await sees(page, 'The gate has forgotten 苏E88888')
  await go(page, 'Tongli')
  await sees(page, 'Both sides are empty')
})

story('filter, pause, go on', {}, async (page) => {
  await sees(page, row(page, 'POST /app/orders'))
  await page.getByRole('searchbox').fill('no such plate')
  await sees(page, 'Nothing here matches the filter')
  await page.getByRole('searchbox').fill('苏e88888')
  await sees(page, row(page, 'SynLeaseOrder'))
  assert.equal(await row(page, 'leasePark').count(), 0)
  await page.getByRole('searchbox').fill('')
  await button(page, 'Pause').click()
  await button(page, 'Tongli pushes a park').click()
  await sees(page, /Paused: [1-9]/)
  await button(page, 'Go on').click()
  await sees(page, row(page, 'POST /lease/park'))
  await button(page, 'Clear the list').click()
  await row(page, 'SynLeaseOrder').waitFor({ state: 'detached' })
})

story('a second page sees what the first one did', {}, async (page) => {
  const second = await page.context().newPage()
  await second.goto(base)
  await sees(second, row(second, 'POST /app/orders'))
  await button(page, 'Tongli pushes a park').click()
  const lines = second.locator('.row').filter({ hasText: 'POST /lease/park' })
  await lines.nth(2).waitFor()
})

// A browser allows six connections to a host: hidden pages must not hold them, and miss nothing.
story('a hidden page lets go of its stream, and catches up', {}, async (page) => {
  await sees(page, 'connected')
  const hide = (hidden) => page.evaluate((h) => {
    Object.defineProperty(document, 'hidden', { value: h, configurable: true })
    document.dispatchEvent(new Event('visibilitychange'))
  }, hidden)
  const closed = page.waitForEvent('requestfailed', (r) => /\/events(\?|$)/.test(r.url()))
  await hide(true)
  await closed
  await button(page, 'Tongli pushes a park').click()
  await sees(page, 'is known')
  const lines = page.locator('.row').filter({ hasText: 'POST /lease/park' })
  const before = await lines.count()
  const back = page.waitForRequest(/events\?after=\d+$/)
  await hide(false)
  await back
  await lines.nth(before).waitFor()
})

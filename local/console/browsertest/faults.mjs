// The fault buttons: what each does is to be seen, and "well again" mends it.
import assert from 'node:assert/strict'
import { button, go, order, place, sees, story } from './browser.mjs'

const park = 'DEMO-1001'

// fail sets a fault in the Tongli view and goes to the orders.
async function fail(page, name) {
  await go(page, 'Tongli')
  await button(page, name).click()
  await page.locator('button[aria-pressed=true]', { hasText: name }).waitFor()
  await go(page, 'Orders')
}

async function well(page) {
  await go(page, 'Tongli')
  await button(page, 'Well again').click()
  await sees(page, 'No fault is set')
  assert.equal(await page.locator('button[aria-pressed=true]').count(), 0)
}

const badge = (card, text) => card.locator('.badge', { hasText: text })

story('down: pending and missing there; well again: delivered and the same', { view: 'tongli' }, async (page) => {
  await fail(page, 'Down (503)')
  await place(page, park, '苏E50300')
  await sees(page, order(page, '苏E50300').getByText('HTTP 503'))
  await go(page, 'Tongli')
  const difference = page.locator('tr.differs', { hasText: '苏E50300' })
  await sees(page, difference.getByText('missing there'))
  await sees(page, difference.getByText('a push is pending'))
  await well(page)
  await go(page, 'Orders')
  await order(page, '苏E50300').getByRole('button', { name: /^Push again/ }).click()
  await sees(page, badge(order(page, '苏E50300'), 'delivered'))
  await go(page, 'Tongli')
  await difference.waitFor({ state: 'detached' })
  await button(page, 'Sweep now').click()
  await sees(page, /swept what is due: .*breaker closed/)
})

story('slow: pending while Tongli thinks', { view: 'tongli' }, async (page) => {
  await fail(page, 'Slow (3 s)')
  await place(page, park, '苏E30000')
  await sees(page, badge(order(page, '苏E30000'), 'pending'))
  await sees(page, badge(order(page, '苏E30000'), 'delivered'))
  await well(page)
})

story('refuse: refused, with Tongli’s reason', { view: 'tongli' }, async (page) => {
  await fail(page, 'Refuse (40003)')
  await place(page, park, '苏E40003')
  await sees(page, badge(order(page, '苏E40003'), 'refused'))
  await sees(page, order(page, '苏E40003').getByText('told to refuse').first())
  await well(page)
})

story('drop: no answer on the line', { view: 'tongli' }, async (page) => {
  await fail(page, 'Drop the connection')
  await place(page, park, '苏E00000')
  await go(page, 'Live')
  await sees(page, page.locator('.row.failed', { hasText: 'SynLeaseOrder' }).filter({ hasText: 'no answer' }).filter({ hasText: '苏E00000' }))
  await well(page)
})

story('401: the circuit opens', { view: 'tongli' }, async (page) => {
  await sees(page, page.locator('.breaker .badge', { hasText: 'closed' }))
  await fail(page, 'Refuse our key (401)')
  await place(page, park, '苏E40100')
  await sees(page, order(page, '苏E40100').getByText('circuit open until'))
  await go(page, 'Tongli')
  await sees(page, page.locator('.breaker .badge', { hasText: 'open' }))
  await sees(page, page.locator('.breaker', { hasText: /until \d\d:\d\d:\d\d/ }))
  await well(page)
  await go(page, 'Live')
  await sees(page, 'circuit open')
})

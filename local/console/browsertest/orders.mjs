// Orders by the form: what the API refuses stands at its field; timeline, cancel, push again.
import assert from 'node:assert/strict'
import { button, order, place, sees, story } from './browser.mjs'

story('the reasons of 42201 and 42200s stand at their fields', { view: 'orders', refused: [400, 404, 422] }, async (page) => {
  const field = (label) => page.getByLabel(label, { exact: true }).first()
  const complaint = async (label) => {
    await page.waitForFunction(() => document.activeElement.getAttribute('aria-invalid') === 'true')
    assert.equal(await field(label).getAttribute('aria-invalid'), 'true', label)
    return page.locator('#' + (await field(label).getAttribute('aria-describedby'))).innerText()
  }
  await field('Park (park_sn)').fill('DEMO-1001')
  await field('From').fill('09:00')
  await field('To').fill('11:00')
  await page.getByLabel('Date').fill(nextWeekday())
  await button(page, 'Place the order').click()
  assert.match(await complaint('Date'), /closed on .* from 09:00/)
  await sees(page, /Not placed \(42201\)/)
  assert.equal(await page.evaluate(() => document.activeElement.name), 'dates[0].date', 'the focus is at the field')

  await field('From').fill('99')
  await field('Plate').fill('苏E0000O')
  await button(page, 'Place the order').click()
  await sees(page, /Not placed \(40003\)/)
  assert.match(await complaint('From'), /HH:mm/)
  assert.match(await complaint('Plate'), /0/, 'the hint: O or 0')

  await field('Plate').fill('')
  await button(page, 'Place the order').click()
  await sees(page, /Not placed \(40002\)/)
  assert.match(await complaint('Plate'), /required/)

  await field('Park (park_sn)').fill('nowhere')
  await field('Plate').fill('苏E00001')
  await field('From').fill('19:00')
  await button(page, 'Place the order').click()
  await sees(page, /Not placed \(40401\)/)
})

story('two slots, delivered, cancelled, with a timeline', { view: 'orders' }, async (page) => {
  await page.getByLabel('Park (park_sn)').fill('DEMO-1001')
  await button(page, 'What does it cost?').click()
  await page.locator('.quote strong', { hasText: /^¥\d+\.\d\d$/ }).waitFor()
  await button(page, 'Add a slot').click()
  assert.equal(await page.getByLabel('Date').count(), 2)
  await place(page, 'DEMO-1001', '苏·e12345')
  const card = order(page, '苏E12345')
  await sees(page, card.getByText('delivered', { exact: true }))
  await card.locator('summary').click()
  const steps = card.locator('.timeline li')
  await steps.filter({ hasText: 'SynLeaseOrder' }).first().waitFor()
  assert.match((await steps.allInnerTexts()).join('\n'), /placed[\s\S]*pending[\s\S]*delivered/)
  await card.getByRole('button', { name: /^Push again/ }).click()
  await steps.filter({ hasText: 'SynLeaseOrder' }).nth(1).waitFor()
  await card.getByRole('button', { name: /^Cancel order/ }).click()
  await sees(page, card.getByText('taken away', { exact: true }))
  assert.equal(await card.getByRole('button', { name: /^Cancel order/ }).count(), 0)
})

// nextWeekday is a date from tomorrow on that is no Saturday or Sunday: at the weekend the demo park is open all day.
function nextWeekday() {
  for (let n = 1; ; n++) {
    const at = new Date(Date.now() + 8 * 3600e3 + n * 86400e3)
    if (at.getUTCDay() % 6 !== 0) return at.toISOString().slice(0, 10)
  }
}

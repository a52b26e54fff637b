// Parks: search, choose, the week in words, and what a poll changed.
import assert from 'node:assert/strict'
import { button, go, sees, story, tongli } from './browser.mjs'

const row = (page, sn) => page.locator('.list button').filter({ hasText: sn })

story('search, choose, lease here', { view: 'parks' }, async (page) => {
  await sees(page, /25\d of 25\d parks/)
  await page.getByRole('searchbox').fill('昆山市金鸡湖')
  await sees(page, /^2 of 25\d parks/)
  await row(page, 'SZ').first().click()
  await sees(page, page.getByRole('heading', { name: /昆山市金鸡湖/ }))
  const week = await page.locator('.week li .sr-only').allInnerTexts()
  assert.equal(week.length >= 7, true)
  assert.match(week[0], /^00:00–\d\d:\d\d from the night before, \d\d:\d\d–24:00$|^\d\d:\d\d–24:00$/)
  assert.equal(await page.locator('.plot .chosen').count(), 1)
  const sn = await page.locator('.terms dd code').first().innerText()
  await page.getByRole('link', { name: 'Lease here' }).click()
  assert.equal(await page.getByLabel('Park (park_sn)').inputValue(), sn)
})

story('what the poll changed, and what it withdrew', { view: 'parks' }, async (page) => {
  const listed = await (await fetch(tongli + '/parks')).json()
  const [dearer, gone] = [listed.find((p) => p.park_sn === 'SZ0007'), 'SZ0008']
  await fetch(tongli + '/parks', { method: 'PUT', body: JSON.stringify({ ...dearer, price: dearer.price + 50 }) })
  await fetch(tongli + '/parks?park_sn=' + gone, { method: 'DELETE' })
  await button(page, 'Poll now').click()
  const changes = page.locator('.changes li')
  await sees(page, changes.filter({ hasText: 'corrected' }).filter({ hasText: 'price' }))
  for (const round of [2, 3]) {
    const report = page.waitForResponse((r) => r.url().endsWith('/api/poll'))
    await button(page, 'Poll now').click()
    assert.equal((await (await report).json()).complete, true, 'poll ' + round)
  }
  await sees(page, changes.filter({ hasText: 'withdrawn' }))
  await page.getByRole('searchbox').fill(gone)
  await sees(page, row(page, gone).getByText('withdrawn'))
  await row(page, gone).click()
  await sees(page, page.locator('.plot .chosen.gone'))
  await go(page, 'Live')
  await sees(page, 'the poll changed parks')
})

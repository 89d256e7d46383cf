import { request } from 'node:http'
import { gunzipSync } from 'node:zlib'
import { expect, onTestFinished, test } from 'vitest'
import { exposition } from '../../src/exporter/exposition.ts'
import type { Family } from '../../src/exporter/family.ts'
import { startMetricsServer } from '../../src/exporter/metrics-server.ts'
import { silent } from '../support/agents.ts'

const one: Family = { name: 'one', type: 'gauge', help: 'The first.' }
const two: Family = { name: 'two_total', type: 'counter', help: 'The second.' }

const start = async (render: () => Iterable<string>): Promise<number> => {
  const { port, stop } = await startMetricsServer({ listen: { host: '127.0.0.1', port: 0 }, render, log: silent })
  onTestFinished(stop)
  return port
}

type Answer = { readonly status: number | undefined; readonly type: unknown; readonly body: Buffer }

const ask = (port: number, path: string, headers = {}, method = 'GET'): Promise<Answer> =>
  new Promise((resolve, reject) => {
    request({ port, path, headers, method, host: '127.0.0.1' }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () =>
        resolve({
          status: response.statusCode,
          type: response.headers['content-type'],
          body: Buffer.concat(chunks),
        }),
      )
    })
      .on('error', reject)
      .end()
  })

test('a page has the series of a family together, and is zipped for who takes that', async () => {
  const port = await start(() =>
    exposition(
      [one, two],
      [
        { family: two, labels: '{a="ü"}', value: 1e21 },
        { family: one, labels: '', value: 0.5 },
        { family: two, labels: '{a="y"}', value: -1 },
      ],
    ),
  )
  const page = `# HELP one The first.
# TYPE one gauge
one 0.5
# HELP two_total The second.
# TYPE two_total counter
two_total{a="ü"} 1e+21
two_total{a="y"} -1
`
  const plain = await ask(port, '/metrics')
  expect(plain).toMatchObject({ status: 200, type: 'text/plain; version=0.0.4; charset=utf-8' })
  expect(plain.body.toString()).toBe(page)
  const zipped = await ask(port, '/metrics?x=1', { 'accept-encoding': 'deflate, gzip' })
  expect(gunzipSync(zipped.body).toString()).toBe(page)
})

test('a page of many pieces comes whole', async () => {
  const series = Array.from({ length: 20_000 }, (_, n) => ({ family: one, labels: `{n="${n}"}`, value: n }))
  const port = await start(() => exposition([one], series))
  const lines = (await ask(port, '/metrics')).body.toString().trim().split('\n')
  expect(lines.slice(2)).toEqual(series.map(({ labels, value }) => `one${labels} ${value}`))
})

test('there is nothing else, and nothing can be changed', async () => {
  const port = await start(() => [''])
  expect(await ask(port, '/-/healthy')).toMatchObject({ status: 200 })
  expect(await ask(port, '/')).toMatchObject({ status: 404 })
  expect(await ask(port, '/metrics', {}, 'POST')).toMatchObject({ status: 405 })
})

test('who goes in the middle of a page ends nothing', async () => {
  const port = await start(function* () {
    for (let n = 0; n < 10_000; n += 1) yield 'x'.repeat(10_000)
  })
  await new Promise<void>((resolve) => {
    const asked = request({ port, path: '/metrics', host: '127.0.0.1' }, (response) => {
      response.once('data', () => asked.destroy())
      response.on('error', () => resolve())
    }).end()
  })
  expect(await ask(port, '/-/healthy')).toMatchObject({ status: 200 })
})

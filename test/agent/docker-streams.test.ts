/** Pulls and events of an engine that answers badly or not at all: a small HTTP server stands for it. */
import { createServer, type ServerResponse } from 'node:http'
import { expect, onTestFinished, test } from 'vitest'
import { dockerEngine } from '../../agent/engine/docker.ts'
import type { Engine, EngineEvent, PullProgress } from '../../agent/engine/engine.ts'
import { eventually } from '../support/eventually.ts'

const serve = async (answer: (response: ServerResponse, url: string) => void) => {
  let asked = 0
  const server = createServer(({ url = '' }, response) => {
    asked += 1
    answer(response, url)
  })
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return { engine: dockerEngine(`http://127.0.0.1:${port}`), isAsked: () => asked > 0 }
}

const pull = async (engine: Engine, signal = new AbortController().signal) => {
  const progress: PullProgress[] = []
  const failure: unknown = await engine
    .pull('a:1', (now) => progress.push(now), signal)
    .catch((error: unknown) => error)
  return { failure, progress }
}

test('a pull that fails inside its stream has failed, and progress is the sum of its layers', async () => {
  const { engine } = await serve((response) => {
    const line = (id: string, current: number) => ({
      status: 'Downloading',
      id,
      progressDetail: { current, total: 10 },
    })
    for (const value of [line('x', 4), line('y', 5), { error: 'manifest for a:1 not found: manifest unknown' }])
      response.write(`${JSON.stringify(value)}\n`)
    response.end()
  })
  const { failure, progress } = await pull(engine)
  expect(failure).toHaveProperty('code', 'image-not-found')
  expect(progress).toEqual([
    { currentBytes: 4, totalBytes: 10 },
    { currentBytes: 9, totalBytes: 20 },
  ])
})

test('a pull that is torn has failed', async () => {
  const { engine } = await serve((response) => {
    response.write('{"status":"Pulling"}\n')
    setImmediate(() => response.destroy())
  })
  expect((await pull(engine)).failure).toHaveProperty(
    'code',
    expect.stringMatching(/^(engine-unreachable|image-pull-failed)$/),
  )
})

test('a pull that gets no answer at all can be given up', async () => {
  const { engine, isAsked } = await serve(() => undefined)
  const abort = new AbortController()
  const pulling = pull(engine, abort.signal)
  await eventually('the request', isAsked)
  abort.abort()
  expect((await pulling).failure).toHaveProperty('name', 'LongshoreError')
})

test.each([
  ['is torn', (response: ServerResponse) => response.destroy()],
  ['ends', (response: ServerResponse) => response.end()],
])('a stream of events that %s has an end, and what does not parse is left out', async (_name, finish) => {
  const { engine } = await serve((response) => {
    response.write('{"Type":"container","Action":"die","Actor":{"ID":"x","Attributes":{"a":"b"}}}\nnonsense\n')
    setTimeout(() => finish(response), 20)
  })
  const events: EngineEvent[] = []
  const listening = (async () => {
    for await (const event of engine.events(new AbortController().signal)) events.push(event)
  })()
  await listening.catch((error: unknown) => expect(error).toHaveProperty('code', 'engine-unreachable'))
  expect(events).toEqual([{ subject: 'container', action: 'die', id: 'x', labels: { a: 'b' } }])
})

test('an image that is not for this device is told with what the registry has, if it tells', async () => {
  const { engine } = await serve((response, url) => {
    if (url.includes('/distribution/')) response.end(JSON.stringify({ Platforms: platforms }))
    else response.end('{"error":"no matching manifest for linux/amd64 in the manifest list entries"}')
  })
  const platforms = [
    { os: 'linux', architecture: 'arm', variant: 'v7' },
    { os: 'unknown', architecture: 'unknown' },
  ]
  const failure = { code: 'wrong-platform', message: expect.stringMatching(/entries; it has linux\/arm\/v7$/) }
  expect((await pull(engine)).failure).toMatchObject(failure)
})

test('without that answer it is told as it is', async () => {
  const { engine } = await serve((response, url) => {
    if (url.includes('/distribution/')) response.writeHead(500)
    response.end('{"error":"no matching manifest for linux/amd64 in the manifest list entries"}')
  })
  const failure = { code: 'wrong-platform', message: expect.stringMatching(/entries$/) }
  expect((await pull(engine)).failure).toMatchObject(failure)
})

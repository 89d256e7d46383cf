import { expect, inject, onTestFinished, test } from 'vitest'
import { makeExampleImage, makeImage } from '../../src/engine-setup/make-image.ts'
import { requestUnix } from '../../src/engine-setup/unix-http.ts'

const call = async (method: 'GET' | 'POST' | 'DELETE', path: string, body?: object) => {
  const response = await requestUnix({
    socketPath: inject('socketPath'),
    method,
    path,
    timeoutMs: 30_000,
    ...(body === undefined ? {} : { body: Buffer.from(JSON.stringify(body)), contentType: 'application/json' }),
  })
  return { ...response, json: () => JSON.parse(response.text) }
}

const tagOf = (name: string) => {
  const tag = `longshore/test-${process.pid}-${name}:1`
  onTestFinished(async () => void (await call('DELETE', `/images/${tag}?force=1`)))
  return tag
}

test('a container of the image runs its CMD with the files of the image', async () => {
  const image = tagOf('runs')
  await makeImage(inject('socketPath'), image, {
    changes: ['CMD ["cat", "/etc/word"]'],
    files: { '/etc/word': 'ahoy' },
  })
  const { Id: id } = (await call('POST', '/containers/create', { Image: image, Tty: true })).json()
  onTestFinished(async () => void (await call('DELETE', `/containers/${id}?force=1`)))
  expect((await call('POST', `/containers/${id}/start`)).status).toBe(204)
  expect((await call('POST', `/containers/${id}/wait`)).json().StatusCode).toBe(0)
  expect((await call('GET', `/containers/${id}/logs?stdout=1`)).text).toBe('ahoy')
})

test('changes become the configuration of the image', async () => {
  const image = tagOf('changes')
  await makeImage(inject('socketPath'), image, {
    changes: ['HEALTHCHECK --interval=1s CMD ["true"]', 'VOLUME /data', 'USER 1000'],
  })
  expect((await call('GET', `/images/${image}/json`)).json().Config).toMatchObject({
    Healthcheck: { Test: ['CMD', 'true'], Interval: 1_000_000_000 },
    Volumes: { '/data': {} },
    User: '1000',
  })
})

test('the same content keeps its image, other content is another one', async () => {
  const image = tagOf('content')
  const make = (word: string) => makeImage(inject('socketPath'), image, { files: { '/word': word } })
  const [first, again] = await Promise.all([make('a'), make('a')])
  expect(again).toBe(first)
  const other = await make('b')
  onTestFinished(async () => void (await call('DELETE', `/images/${first}?force=1`)))
  expect(other).not.toBe(first)
})

test('a change that the engine refuses is an error', async () => {
  await expect(makeImage(inject('socketPath'), tagOf('refused'), { changes: ['FROM scratch'] })).rejects.toMatchObject({
    code: 'engine-error',
  })
})

test('the example image serves its page and ends at once on SIGTERM', async () => {
  await makeExampleImage(inject('socketPath'))
  const { Id: id } = (await call('POST', '/containers/create', { Image: 'longshore/example:1' })).json()
  onTestFinished(async () => void (await call('DELETE', `/containers/${id}?force=1`)))
  await call('POST', `/containers/${id}/start`)
  const probe = { AttachStdout: true, Tty: true, Cmd: ['sh', '-c', 'until wget -qO- 127.0.0.1:8080; do :; done'] }
  const { Id: execId } = (await call('POST', `/containers/${id}/exec`, probe)).json()
  const page = await call('POST', `/exec/${execId}/start`, { Tty: true, Detach: false })
  expect(page.text).toContain('Hello from Longshore')
  await call('POST', `/containers/${id}/stop?t=20`)
  expect((await call('GET', `/containers/${id}/json`)).json().State).toMatchObject({ Status: 'exited', ExitCode: 0 })
})

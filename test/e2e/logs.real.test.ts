/** Logs of containers on a device, over both brokers, and what comes of them when readers, links and containers go. */
import { describe, expect, onTestFinished, test } from 'vitest'
import { docker, openFleet, startTestAgent } from '../support/agents.ts'
import { brokers } from '../support/brokers.ts'
import { eventually } from '../support/eventually.ts'
import { says, startLogDevice } from '../support/log-device.ts'
import { modelOf } from '../support/models.ts'
import { startLog, wholeLog } from '../support/read-log.ts'
import { deployAndWait } from '../support/story.ts'

describe.each(brokers)('on $name', ({ start }) => {
  test('lines of several containers come in order of time, told apart by name and stream', async () => {
    const { url, stop } = await start()
    onTestFinished(stop)
    const { device } = await startTestAgent({ url })
    const fleet = await openFleet(url)
    const web = says('for n in 1 2 3; do echo web $n; sleep 0.2; done')
    const api = says('sleep 0.1; for n in 1 2 3; do echo api $n >&2; sleep 0.2; done')
    await deployAndWait(fleet, device, modelOf('shop', { web, api }))
    const saidAll = async (): Promise<boolean> =>
      (await wholeLog(fleet, device, { app: 'shop' })).text().split('\n').length === 7
    await eventually('all to be said', saidAll)

    const { entries } = await wholeLog(fleet, device, { app: 'shop', timestamps: true })
    const lines = entries.flatMap((entry) => {
      const [source, stream, ...text] = entry.split(' ')
      return text
        .join(' ')
        .trim()
        .split('\n')
        .map((line) => ({ source, stream, at: line.slice(0, 30), line: line.slice(31) }))
    })
    expect(lines.map(({ at }) => at)).toEqual(lines.map(({ at }) => at).sort())
    const said = lines.map(({ source, stream, line }) => `${source} ${stream} ${line}`).sort()
    expect(said).toEqual([
      ...[1, 2, 3].map((n) => `api-1 stderr api ${n}`),
      ...[1, 2, 3].map((n) => `web-1 stdout web ${n}`),
    ])
    const of = async (request: object): Promise<string> =>
      (await wholeLog(fleet, device, { app: 'shop', ...request })).text()
    expect(await of({ service: 'web' })).toBe('web 1\nweb 2\nweb 3\n')
    expect(await of({ tail: 1 })).toMatch(/^(web 3\napi 3|api 3\nweb 3)\n$/)
    expect((await of({ grep: '^[aw].*[13]$' })).split('\n').sort()).toEqual(['', 'api 1', 'api 3', 'web 1', 'web 3'])
    expect(await of({ since: { agoMs: 0 } })).toBe('')
    expect(await of({ until: { at: 1 } })).toBe('')
    expect(await of({ service: 'api', timestamps: true })).toMatch(/^(\d{4}-\d\d-\d\dT[\d:.]{18}Z api \d\n){3}$/)
  })
})

test('what cannot be asked for is refused, with what to do', async () => {
  const { device, fleet } = await startLogDevice({ web: says('echo hi') })
  const refusalOf = (request: object) => wholeLog(fleet, device, request).catch((error: { code: string }) => error.code)
  const refusals = await Promise.all(
    [
      { app: 'nothing' },
      { app: 'shop', service: 'nothing' },
      { app: 'shop', agent: true },
      {},
      { app: 'shop', grep: '(' },
      { app: 'shop', tail: -1 },
      { agent: true, service: 'web' },
    ].map(refusalOf),
  )
  const invalid = 'message-invalid'
  expect(refusals).toEqual(['app-unknown', 'reference-missing', invalid, invalid, invalid, invalid, invalid])
})

test('any bytes come as they are, long lines too; a container without a log is told of, one that ended has its own', async () => {
  const { device, fleet } = await startLogDevice({
    // The driver json-file keeps text alone.
    binary: says('head -c 200000 /bin/sh', { logging: { driver: 'local' } }),
    long: says("yes 0123456789 | tr -d '\\n' | head -c 3000000; echo"),
    mute: says('echo unheard', { logging: { driver: 'none' } }),
    job: { command: ['sh', '-c', 'echo worked; echo badly >&2'], network_mode: 'none', restart: 'no' },
  })
  const request = { app: 'shop' } as const
  const log = await eventually('all of it', async () => {
    const seen = await wholeLog(fleet, device, request)
    return seen.bytes('long-1').length > 3_000_000 && seen
  })
  const expected = async (service: string): Promise<Buffer> => {
    const container = docker().getContainer(`${device}-shop-${service}-1`)
    const raw = await container.logs({ stdout: true, stderr: true, follow: false })
    const pieces: Buffer[] = []
    for (let at = 0; at < raw.length; at += 8 + raw.readUInt32BE(at + 4))
      pieces.push(raw.subarray(at + 8, at + 8 + raw.readUInt32BE(at + 4)))
    return Buffer.concat(pieces)
  }
  expect(log.bytes('binary-1').equals(await expected('binary'))).toBe(true)
  expect(log.bytes('binary-1').length).toBeGreaterThan(190_000)
  expect(log.bytes('long-1').equals(Buffer.from(`${'0123456789'.repeat(300_000)}\n`))).toBe(true)
  expect(log.entries.filter((entry) => entry.startsWith('job-1')).sort()).toEqual([
    'job-1 stderr badly\n',
    'job-1 stdout worked\n',
  ])
  // Capped where nobody says how it is kept, and nowhere else.
  const { HostConfig } = await docker().getContainer(`${device}-shop-job-1`).inspect()
  expect(HostConfig.LogConfig).toEqual({ Type: 'json-file', Config: { 'max-size': '10m', 'max-file': '3' } })
  const { HostConfig: given } = await docker().getContainer(`${device}-shop-binary-1`).inspect()
  expect(given.LogConfig).toEqual({ Type: 'local', Config: {} })
  expect([...log.faults]).toEqual([['mute-1', expect.objectContaining({ code: 'log-unreadable' })]])
  await expect(wholeLog(fleet, device, { app: 'shop', service: 'mute' })).rejects.toMatchObject({
    code: 'log-unreadable',
  })
})

test('a log is followed on through a restart and in the container that takes the place', async () => {
  const counts = 'for n in 1 2 3; do echo "$NAME" $n; done'
  const web = (name: string) => says(counts, { environment: { NAME: name } })
  const { device, fleet } = await startLogDevice({ web: web('first') })
  const log = startLog(fleet, device, { app: 'shop', follow: true })
  const lines = (name: string): string => [1, 2, 3].map((n) => `${name} ${n}\n`).join('')
  await eventually('the first lines', () => log.text() === lines('first'))
  await docker().getContainer(`${device}-shop-web-1`).restart({ t: 0 })
  await eventually('the lines of the restart', () => log.text() === lines('first') + lines('first'))
  await deployAndWait(fleet, device, modelOf('shop', { web: web('second') }))
  await eventually('the lines of the next release', () => log.text().endsWith(lines('second')))
  expect(log.text()).toBe(lines('first') + lines('first') + lines('second'))
  log.stop()
  await log.ended
})

test('an agent that is stopped ends the log with a word', async () => {
  const { device, fleet, stop } = await startLogDevice({ web: says('echo hi') })
  const log = startLog(fleet, device, { app: 'shop', follow: true })
  await eventually('a line', () => log.text() === 'hi\n')
  await stop()
  await expect(log.ended).rejects.toMatchObject({ code: 'command-interrupted' })
})

test('a day has so many bytes for logs, and one more log than is allowed is told so', async () => {
  const { url, device, fleet } = await startLogDevice({ web: says('yes 0123456789 | head -c 200000') }, 100_000)
  const answered = new Set<string>()
  await (await openFleet(url)).watch([fleet.topics.reply(device, '+')], ({ topic }) => void answered.add(topic))
  const log = startLog(fleet, device, { app: 'shop' })
  await expect(log.ended).rejects.toMatchObject({ code: 'log-budget-spent' })
  expect(log.text().length).toBeGreaterThan(10_000)
  expect(log.text().length).toBeLessThan(100_000)

  const all = Array.from({ length: 33 }, () => startLog(fleet, device, { app: 'shop', tail: 0, follow: true }))
  const busy = all.map(({ ended }) =>
    ended.then(
      () => '',
      ({ code }: { code: string }) => code,
    ),
  )
  expect(await Promise.race(busy)).toBe('log-busy')
  for (const { stop } of all) stop()
  await Promise.all(busy)
  // Before its folder goes.
  await eventually('the device to have ended them all', () => answered.size === all.length + 1)
})

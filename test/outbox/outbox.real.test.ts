/** The outbox on a real disk: killed at any moment, full, read-only, of another user. */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, cp, mkdtemp, readdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { diskOutboxFiles } from '../../src/outbox/disk-files.ts'
import { type BuiltCommand, buildCommand } from '../support/command.ts'
import { eventually } from '../support/eventually.ts'
import { drain, numbered, openTestOutbox, testClock } from '../support/test-outbox.ts'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

let built: BuiltCommand
beforeAll(async () => {
  built = await buildCommand()
})
afterAll(() => built.remove())

const newFolder = async (): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'longshore-outbox-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** A folder on a disk of its own, in memory. */
const smallDisk = async (size: string): Promise<string> => {
  const folder = await newFolder()
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'none', folder])
  onTestFinished(() => void execFileSync('umount', ['--lazy', folder]))
  return folder
}

test('killed ten times at any moment: nothing that was safe is lost, nothing is invented, the order is kept', async () => {
  const folder = await newFolder()
  const numbers = new Map<string, string>()
  const safe = new Set<string>()
  const taken = new Set<string>()
  for (let round = 0; round < 10; round += 1) {
    const child = spawn(process.execPath, [join(dirname(built.path), 'test/killed-outbox.mjs'), folder])
    let said = ''
    child.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString()
    })
    await once(child.stdout, 'data')
    // Not a wait for anything: the moment is what is varied.
    await delay(round * 17)
    child.kill('SIGKILL')
    await once(child, 'close')
    for (const line of said.split('\n').slice(0, -1)) {
      const [what, messageClass, epoch, seq, n = ''] = line.split(' ')
      const key = `${messageClass} ${epoch} ${seq}`
      if (what === 'taken') taken.add(key)
      else numbers.set(key, n)
      if (what === 'safe') safe.add(key)
    }
  }
  expect(safe.size).toBeGreaterThan(100)
  const got = await drain(await openTestOutbox({ files: diskOutboxFiles(folder) }))
  const keys = new Set(got.map((one) => `${one.class} ${one.epoch} ${one.seq}`))
  expect([...safe].filter((key) => !taken.has(key) && !keys.has(key))).toEqual([])
  for (const one of got) {
    // A report of what was dropped would be one of damage.
    expect(one.dropped).toBeUndefined()
    const n = numbers.get(`${one.class} ${one.epoch} ${one.seq}`)
    if (n !== undefined) expect(n).toBe(String(one.n))
  }
  for (const messageClass of ['reply', 'event', 'telemetry']) {
    const order = got.filter((one) => one.class === messageClass).map(({ epoch, seq }) => epoch * 1e6 + seq)
    expect(order).toEqual([...order].sort((a, b) => a - b))
  }
})

test('memory stays as it is however much is queued with no link', async () => {
  const outbox = await openTestOutbox({ files: diskOutboxFiles(await newFolder()) })
  const heapAfter = async (count: number): Promise<number> => {
    for (let n = 1; n <= count; n += 1) {
      await outbox.append('telemetry', numbered(n, 100))
      if (n % 500 === 0)
        await eventually('room', () => outbox.counts().classes.telemetry.inMemory < 2_500, { everyMs: 1 })
    }
    collectGarbage()
    return process.memoryUsage().heapUsed
  }
  const before = await heapAfter(20_000)
  expect((await heapAfter(60_000)) - before).toBeLessThan(2_500_000)
  expect(outbox.counts().classes.telemetry.dropped).toEqual({})
})

test('a full disk: append says so, what was safe stays, and it goes on by itself', async () => {
  const folder = await smallDisk('256k')
  const clock = testClock()
  const files = diskOutboxFiles(join(folder, 'outbox'))
  const outbox = await openTestOutbox({ files, clock, limits: { segmentBytes: 16_000 } })
  await outbox.append('event', numbered(1))
  await writeFile(join(folder, 'filler'), Buffer.alloc(1_000_000)).catch(() => undefined)
  let accepted = 1
  await expect(
    (async () => {
      for (;;) {
        await outbox.append('event', numbered(accepted + 1, 1_000))
        accepted += 1
      }
    })(),
  ).rejects.toMatchObject({ code: 'disk-full', message: 'writing to the outbox: no space left on the disk' })
  await rm(join(folder, 'filler'))
  clock.monotonicMs += 1_000
  await outbox.append('event', numbered(1_000))
  const sent = await drain(outbox)
  const numbers = sent.filter((one) => one.class === 'event').map(({ n }) => n)
  expect(numbers).toEqual([...Array.from({ length: accepted }, (_, index) => index + 1), 1_000])
})

test('a read-only disk: what is on it is sent, append says so', async () => {
  const folder = await smallDisk('256k')
  const before = await openTestOutbox({ files: diskOutboxFiles(folder) })
  await before.append('event', numbered(1))
  await before.close()
  execFileSync('mount', ['-o', 'remount,ro', folder])
  const outbox = await openTestOutbox({ files: diskOutboxFiles(folder) })
  await expect(outbox.append('event', numbered(2))).rejects.toHaveProperty('code', 'state-unusable')
  expect((await drain(outbox)).flatMap(({ n }) => n ?? [])).toEqual([1])
})

test.each(['removed', 'moved away'])(
  'a folder that is %s under a running agent takes nothing of what is appended after',
  async (how) => {
    const folder = join(await newFolder(), 'outbox')
    const outbox = await openTestOutbox({ files: diskOutboxFiles(folder) })
    await outbox.append('event', numbered(1))
    if (how === 'removed') await rm(folder, { recursive: true })
    else await rename(folder, `${folder}.old`)
    await outbox.append('event', numbered(2))
    await outbox.append('alarm', numbered(3))
    // As after a kill: another process finds what is on the disk.
    const later = await openTestOutbox({ files: diskOutboxFiles(folder) })
    expect((await drain(later)).flatMap(({ n }) => n ?? [])).toEqual([3, 2])
    expect(later.counts().epoch).toBeGreaterThan(outbox.counts().epoch)
  },
)

test.each(['1G', '1T'])(
  'a file whose length was damaged to %s: what is in it is sent, and memory stays',
  async (size) => {
    const folder = await newFolder()
    const before = await openTestOutbox({ files: diskOutboxFiles(folder) })
    await before.append('event', numbered(1))
    await before.close()
    const [name] = (await readdir(folder)).filter((one) => one.startsWith('event'))
    execFileSync('truncate', ['--size', size, join(folder, name as string)])
    const rss = process.memoryUsage().rss
    const outbox = await openTestOutbox({ files: diskOutboxFiles(folder) })
    expect((await drain(outbox)).flatMap(({ n }) => n ?? [])).toEqual([1])
    expect(process.memoryUsage().rss - rss).toBeLessThan(100e6)
    await eventually('the file to go', async () => !(await readdir(folder)).includes(name as string))
  },
)

test('files of another user, and folders in place of files, are left where they are', async () => {
  const folder = await newFolder()
  const before = await openTestOutbox({ files: diskOutboxFiles(folder) })
  await before.append('event', numbered(1))
  await before.append('reply', numbered(2))
  await before.close()
  const foreign = (await readdir(folder)).find((name) => name.startsWith('event')) as string
  await chmod(join(folder, foreign), 0)
  // Root may read everything: a process that may not.
  execFileSync('chown', ['-R', '65534', folder])
  execFileSync('chown', ['0', join(folder, foreign)])
  process.seteuid?.(65534)
  try {
    const outbox = await openTestOutbox({ files: diskOutboxFiles(folder) })
    await outbox.append('event', numbered(3))
    // What could not be read is told of besides, sooner or later.
    expect((await drain(outbox)).flatMap(({ n }) => n ?? [])).toEqual([2, 3])
    await outbox.close()
  } finally {
    process.seteuid?.(0)
  }
  expect((await stat(join(folder, foreign))).uid).toBe(0)
})

test('the format that was first shipped is read, and always will be', async () => {
  const folder = await newFolder()
  await cp('test/outbox/fixtures/format-1', folder, { recursive: true })
  const outbox = await openTestOutbox({ files: diskOutboxFiles(folder), clock: testClock() })
  expect((await drain(outbox)).map((one) => [one.class, one.epoch, one.seq, one.at, one.topic, one.n])).toEqual([
    ['alarm', 1_800_000_000, 1, 1_800_000_000_000, 'longshore/v1/gw-17/event', 1],
    ['reply', 1_800_000_000, 1, 1_800_000_001_000, 'longshore/v1/gw-17/reply/7', 2],
    ['event', 1_800_000_000, 2, 1_800_000_002_000, 'longshore/v1/gw-17/event', 4],
    ['event', 1_800_000_000, 3, 1_800_000_002_000, 'longshore/v1/gw-17/event', 5],
    ['telemetry', 1_800_000_000, 1, 1_800_000_003_000, 'longshore/v1/gw-17/telemetry/host', 6],
  ])
  expect(outbox.counts().epoch).toBe(1_800_000_001)
})

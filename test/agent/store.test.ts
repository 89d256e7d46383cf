import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { emptyRecord } from '../../agent/store/app-record.ts'
import { answeredLimit, emptyDeviceRecord, nextSession, withAnswer } from '../../agent/store/device-record.ts'
import { openFileStore } from '../../agent/store/file-store.ts'
import { memoryStore } from '../../agent/store/memory-store.ts'
import { silent } from '../support/agents.ts'
import { assignment, committed, serviceModel } from '../support/builders.ts'

const folder = async (): Promise<string> => {
  const path = await mkdtemp(join(tmpdir(), 'longshore-store-'))
  onTestFinished(() => rm(path, { recursive: true, force: true }))
  return path
}

describe.each([
  ['in memory', async () => memoryStore()],
  ['in files', async () => openFileStore(await folder(), silent)],
] as const)('the contract of a store: %s', (_name, open) => {
  test('has nothing at first', async () => {
    const store = await open()
    expect(store.apps()).toEqual([])
    expect(store.app('shop')).toBeUndefined()
    expect(store.device()).toEqual(emptyDeviceRecord)
  })

  test('a change begins with an empty record and is there at once', async () => {
    const store = await open()
    const after = await store.updateApp('shop', (record) => ({ ...record, generationSeen: 3 }))
    expect(after).toEqual({ ...emptyRecord('shop'), generationSeen: 3 })
    expect(store.app('shop')).toEqual(after)
  })

  test('apps are listed by name', async () => {
    const store = await open()
    for (const name of ['b', 'c', 'a']) await store.updateApp(name, (record) => record)
    expect(store.apps().map(({ app }) => app)).toEqual(['a', 'b', 'c'])
  })

  test('concurrent changes run in order, each on the result of the one before', async () => {
    const store = await open()
    await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        store.updateApp('shop', (record) => {
          expect(record.generationSeen).toBe(index)
          return { ...record, generationSeen: index + 1 }
        }),
      ),
    )
    expect(store.app('shop')?.generationSeen).toBe(20)
  })

  test('a change that throws is the caller’s, and the next one goes on', async () => {
    const store = await open()
    const failing = store.updateApp('shop', () => {
      throw new Error('no')
    })
    const next = store.updateApp('shop', (record) => ({ ...record, generationSeen: 1 }))
    await expect(failing).rejects.toThrow('no')
    expect((await next).generationSeen).toBe(1)
  })

  test('the device has a record of its own', async () => {
    const store = await open()
    await store.updateDevice((record) => ({ ...record, session: 4 }))
    expect(store.device().session).toBe(4)
    expect(store.apps()).toEqual([])
  })
})

describe('files', () => {
  const record = committed(assignment(serviceModel({ web: {} })))
  const filled = async (): Promise<string> => {
    const path = await folder()
    const store = await openFileStore(path, silent)
    await store.updateApp('shop', () => record)
    await store.updateDevice((device) => ({ ...device, session: 7 }))
    return path
  }

  test('are read again as they were', async () => {
    const store = await openFileStore(await filled(), silent)
    expect(store.app('shop')).toEqual(record)
    expect(store.device().session).toBe(7)
  })

  test('are for their owner only', async () => {
    const path = await filled()
    expect((await stat(join(path, 'apps', 'shop.json'))).mode & 0o777).toBe(0o600)
    expect((await stat(join(path, 'apps'))).mode & 0o777).toBe(0o700)
  })

  test('are not written when nothing changed', async () => {
    const path = await filled()
    const file = join(path, 'apps', 'shop.json')
    const before = await stat(file, { bigint: true })
    const store = await openFileStore(path, silent)
    await store.updateApp('shop', (current) => structuredClone(current))
    const after = await stat(file, { bigint: true })
    expect([after.ino, after.mtimeNs]).toEqual([before.ino, before.mtimeNs])
  })

  test.each([
    ['torn', '{"format":1,"app":"sh'],
    ['empty', ''],
    ['of another format', JSON.stringify({ ...record, format: 2 })],
    ['garbage', '\u0000\u0001'],
  ])('that are %s are set aside, and the rest is read', async (_name, text) => {
    const path = await filled()
    await writeFile(join(path, 'apps', 'till.json'), text)
    const store = await openFileStore(path, silent)
    expect(store.apps().map(({ app }) => app)).toEqual(['shop'])
    expect((await readdir(join(path, 'apps'))).sort()).toEqual(['shop.json', 'till.json.unreadable'])
    expect(await readFile(join(path, 'apps', 'till.json.unreadable'), 'utf8')).toBe(text)
  })

  test('that cannot be read are set aside too, and a copy under another name is not taken for the newest', async () => {
    const path = await filled()
    const apps = join(path, 'apps')
    await mkdir(join(apps, 'till.json', 'folder'), { recursive: true })
    for (const copy of ['a-copy.json', 'shop.old.json', 'z-copy.json'])
      await writeFile(join(apps, copy), JSON.stringify({ ...record, generationSeen: 1 }))
    for (const _ of ['first', 'again']) {
      // A second time, over what was set aside the first time.
      const store = await openFileStore(path, silent)
      expect(store.apps()).toEqual([record])
      expect(store.setAside().map(({ app }) => app)).toEqual(['a-copy', 'shop.old', 'till', 'z-copy'])
      await mkdir(join(apps, 'till.json'))
      await rm(join(apps, 'z-copy.json.unreadable'), { force: true })
      expect(store.setAside().map(({ app }) => app)).not.toContain('z-copy')
      await writeFile(join(apps, 'z-copy.json'), '')
    }
  })

  test('half written beside are cleared away', async () => {
    const path = await filled()
    await writeFile(join(path, 'apps', 'shop.json.tmp'), '{"for')
    const store = await openFileStore(path, silent)
    expect(store.app('shop')).toEqual(record)
    expect(await readdir(join(path, 'apps'))).toEqual(['shop.json'])
  })

  test('that cannot be written leave everything as it was, and say so', async () => {
    const path = await filled()
    const store = await openFileStore(path, silent)
    await rm(path, { recursive: true })
    await expect(store.updateApp('shop', (current) => ({ ...current, generationSeen: 9 }))).rejects.toHaveProperty(
      'code',
      'state-unusable',
    )
    expect(store.app('shop')).toEqual(record)
  })

  test('a state folder that cannot be made is said at once', async () => {
    const path = join(await folder(), 'file')
    await writeFile(path, '')
    await expect(openFileStore(path, silent)).rejects.toHaveProperty('code', 'state-unusable')
    await expect(openFileStore('/proc/longshore/state', silent)).rejects.toHaveProperty('code', 'state-unusable')
  })
})

describe('the record of the device', () => {
  test('a session is one more, and never less than the time', () => {
    expect(nextSession({ ...emptyDeviceRecord, session: 10 }, 5_000)).toBe(11)
    expect(nextSession(emptyDeviceRecord, 5_000)).toBe(5)
  })

  test('answers are kept by id, as many as are kept', () => {
    const answer = (id: string, at: number) => ({
      id,
      at,
      reply: { schema: 1 as const, at, id, n: 1, final: true, outcome: 'done' as const },
    })
    let device = emptyDeviceRecord
    for (let index = 0; index < answeredLimit + 5; index += 1)
      device = withAnswer(device, answer(`c${index}`, index) as never, 0)
    device = withAnswer(device, answer('c50', 999) as never, 0)
    expect(device.answered).toHaveLength(answeredLimit)
    expect(device.answered.at(-1)).toMatchObject({ id: 'c50', at: 999 })
    expect(device.answered[0]).toMatchObject({ id: 'c5' })
  })
})

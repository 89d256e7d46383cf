import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { type Issued, openLedger, readLedger } from '../../../broker/enrolment/ledger.ts'

const dayMs = 86_400_000

const issued = (serial: string, notAfter = 1_000): Issued => ({
  serial,
  device: 'gw-1',
  key: 'k',
  since: 1,
  issuedAt: 1,
  notAfter,
  certificate: 'PEM',
})

const ledgerFile = async (): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'longshore-ledger-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return join(folder, 'issued.jsonl')
}

test('what was issued is there after a restart, also behind a line that a crash cut off', async () => {
  const file = await ledgerFile()
  const first = await openLedger(file, 0)
  await first.append(issued('a1'))
  await appendFile(file, '{"serial":"a2","dev')
  const second = await openLedger(file, 0)
  await second.append(issued('a3'))
  await second.append(issued('a4'))
  expect((await readLedger(file)).map(({ serial }) => serial)).toEqual(['a1', 'a3', 'a4'])
  expect(second.bySerial('a3')).toEqual(issued('a3'))
  expect(second.ofDevice('gw-1')).toHaveLength(3)
  expect(second.ofDevice('constructor')).toEqual([])
})

const writeLedger = (file: string, all: readonly Issued[]): Promise<void> =>
  writeFile(file, all.map((one) => `${JSON.stringify(one)}\n`).join(''))

const serialsIn = async (file: string): Promise<string[]> => (await readLedger(file)).map(({ serial }) => serial)

test('what ran out long ago is left out, but for the newest of each device', async () => {
  const file = await ledgerFile()
  const other = { ...issued('other', 2 * dayMs), device: 'gw-2' }
  await writeLedger(file, [issued('old', dayMs), other, { ...issued('new', 100 * dayMs), issuedAt: 95 * dayMs }])
  await openLedger(file, 95 * dayMs)
  expect(await serialsIn(file)).toEqual(['other', 'new'])
})

test('a clock that is far ahead once makes it forget nothing', async () => {
  const file = await ledgerFile()
  await writeLedger(file, [issued('a1', dayMs), issued('a2', dayMs)])
  await openLedger(file, 40_000 * dayMs)
  expect(await serialsIn(file)).toEqual(['a1', 'a2'])
})

test('a disk that takes nothing issues nothing', async () => {
  const file = await ledgerFile()
  const ledger = await openLedger(file, 0)
  await rm(join(file, '..'), { recursive: true })
  await expect(ledger.append(issued('a1'))).rejects.toMatchObject({ code: 'file-unwritable' })
  expect(ledger.all()).toEqual([])
})

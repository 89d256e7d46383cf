import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { pino } from 'pino'
import { expect, onTestFinished, test } from 'vitest'
import { openReloaded } from '../../broker/reloaded.ts'

/** What is read is no file here, so that it changes without a mark, as within one tick of a file system. */
const open = async () => {
  const folder = await mkdtemp(join(tmpdir(), 'longshore-reloaded-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const file = join(folder, 'file')
  await writeFile(file, '')
  const source = { text: 'first', reads: 0 }
  const read = async () => {
    source.reads += 1
    return source.text
  }
  const log = pino({ level: 'silent' })
  return { file, source, opened: await openReloaded({ files: [file], read, changed: () => undefined, log }) }
}

test('of two changes within one tick of the file system both are seen, though they leave one mark', async () => {
  const { file, source, opened } = await open()
  source.text = 'second'
  await opened.check()
  expect(opened.current()).toBe('second')
  await delay(60)
  await opened.check()
  await writeFile(file, 'x')
  await opened.check()
  source.text = 'third'
  await opened.check()
  expect(opened.current()).toBe('third')
  source.text = 'fourth'
  await delay(60)
  await opened.check()
  expect(opened.current()).toBe('fourth')
})

test('what did not change is not read for ever', async () => {
  const { source, opened } = await open()
  await delay(60)
  for (let check = 0; check < 5; check += 1) await opened.check()
  expect(source.reads).toBe(2)
})

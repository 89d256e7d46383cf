import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { expect, onTestFinished, test } from 'vitest'
import { givenUp, readSecretValue } from '../../src/cli/read-secret-value.ts'

const streamOf = (isTTY: boolean): PassThrough & NodeJS.ReadStream =>
  Object.assign(new PassThrough(), { isTTY, setRawMode: () => undefined }) as unknown as PassThrough & NodeJS.ReadStream

const read = async (isTTY: boolean, given: string | Buffer) => {
  const stdin = streamOf(isTTY)
  const shown: string[] = []
  stdin.end(given)
  const work = readSecretValue({ stdin, stderr: { write: (text) => shown.push(String(text)) > 0 } })
  return { value: await work.then((value) => Buffer.from(value).toString('latin1')), shown: shown.join('') }
}

test.each([
  ['hunter2', 'hunter2'],
  ['hunter2\n', 'hunter2'],
  ['hunter2\r\n', 'hunter2'],
  ['two\nlines\n\n', 'two\nlines\n'],
  [' spaces \n', ' spaces '],
])('standard input %j is the value %j', async (given, expected) => {
  expect((await read(false, given)).value).toBe(expected)
})

test('bytes that are no text are taken as they are', async () => {
  const bytes = Buffer.from([0xff, 0x00, 0x0d, 0x80])
  expect((await read(false, bytes)).value).toBe(bytes.toString('latin1'))
})

test('a prompt shows a question and nothing of the answer', async () => {
  const { value, shown } = await read(true, 'hunter3\u007f2\r')
  expect(value).toBe('hunter2')
  expect(shown).toBe('Value (not shown): \n')
})

test('Ctrl-C at the prompt gives up; Ctrl-D and an empty line are no value', async () => {
  await expect(read(true, 'hunt\u0003')).rejects.toBe(givenUp)
  for (const given of ['\u0004', '\r', ''])
    await expect(read(true, given)).rejects.toMatchObject({ code: 'usage', message: expect.stringContaining('prompt') })
  await expect(read(false, '\n')).rejects.toMatchObject({ code: 'usage' })
})

test('a file is taken to the byte; one that is not there is named', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'longshore-value-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const [file, stdin, stderr] = [join(folder, 'key'), streamOf(false), { write: () => true }]
  await expect(readSecretValue({ file, stdin, stderr })).rejects.toMatchObject({ code: 'file-unreadable' })
  await writeFile(file, 'key\n')
  expect(await readSecretValue({ file, stdin, stderr })).toEqual(Buffer.from('key\n'))
})

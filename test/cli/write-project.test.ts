import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { writeProject } from '../../src/cli/write-project.ts'
import { packFiles } from '../support/models.ts'

const open = async (): Promise<string> => {
  const root = await mkdtemp(join(tmpdir(), 'longshore-get-'))
  onTestFinished(() => rm(root, { recursive: true, force: true }))
  return join(root, 'project')
}

test('the model and the files beside it are written, into a new folder only', async () => {
  const folder = await open()
  await writeProject(folder, 'name: shop\n', packFiles({ 'conf/a': '1' }))
  expect(await readFile(join(folder, 'compose.yaml'), 'utf8')).toBe('name: shop\n')
  expect(await readFile(join(folder, 'conf/a'), 'utf8')).toBe('1')
  await expect(writeProject(folder, '', {})).rejects.toMatchObject({ code: 'usage' })
})

test('a Compose file that travelled with its folder is written as it was', async () => {
  const folder = await open()
  await writeProject(folder, 'name: shop\n', packFiles({ 'compose.yaml': '# mine\n', a: '1' }))
  expect(await readFile(join(folder, 'compose.yaml'), 'utf8')).toBe('# mine\n')
  expect(await readFile(join(folder, 'a'), 'utf8')).toBe('1')
})

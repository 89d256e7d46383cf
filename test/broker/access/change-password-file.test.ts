import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { changePasswordFile } from '../../../broker/access/change-password-file.ts'
import { checkUserName } from '../../../broker/access/password-file.ts'

const hash = `v1$14$8$1$${'A'.repeat(22)}$${'A'.repeat(43)}`

const newFile = async (): Promise<{ folder: string; file: string }> => {
  const folder = await mkdtemp(join(tmpdir(), 'longshore-users-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return { folder, file: join(folder, 'users') }
}

test('a new file is for its owner alone; one that was there stays for whom it was', async () => {
  const { folder, file } = await newFile()
  await changePasswordFile(file, 'ada', hash)
  expect((await stat(file)).mode & 0o777).toBe(0o600)
  await chmod(file, 0o640)
  await changePasswordFile(file, 'bob', hash)
  expect((await stat(file)).mode & 0o777).toBe(0o640)
  expect(await readFile(file, 'utf8')).toBe(`ada:${hash}\nbob:${hash}\n`)
  await changePasswordFile(file, 'ada', undefined)
  expect(await readFile(file, 'utf8')).toBe(`bob:${hash}\n`)
  expect(await readdir(folder)).toEqual(['users'])
})

test('what cannot be done says so and changes nothing', async () => {
  const { folder, file } = await newFile()
  await expect(changePasswordFile(file, 'ada', undefined)).rejects.toMatchObject({ code: 'usage' })
  await writeFile(file, 'not of ours\n')
  await expect(changePasswordFile(file, 'ada', hash)).rejects.toMatchObject({ code: 'config-invalid' })
  expect(await readFile(file, 'utf8')).toBe('not of ours\n')
  await expect(changePasswordFile(join(folder, 'no', 'users'), 'ada', hash)).rejects.toMatchObject({
    code: 'file-unwritable',
  })
})

test.each(['', 'a:b', 'a b', '#x', 'a\nb', '-x', 'x'.repeat(129)])('%j is no user name', (name) => {
  expect(() => checkUserName(name)).toThrow(expect.objectContaining({ code: 'usage' }))
})

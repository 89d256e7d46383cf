import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { loadCompose } from '../../src/cli/compose-file.ts'
import { findProject } from '../../src/cli/find-project.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'longshore-project-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const put = (files: Readonly<Record<string, string>>): void => {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
}
const web = (image: string) => `services: {web: {image: "${image}"}}`
const found = async (options: Parameters<typeof findProject>[0] = {}) => {
  const { files, ...rest } = await findProject({ projectDirectory: folder, ...options })
  return { ...rest, names: files.map(({ file }) => file.replace(`${folder}/`, '')) }
}

describe('without -f the usual files are taken', () => {
  test.each([
    [['compose.yaml', 'compose.yml'], ['compose.yaml']],
    [
      ['compose.yml', 'docker-compose.override.yml'],
      ['compose.yml', 'docker-compose.override.yml'],
    ],
    [
      ['docker-compose.yml', 'docker-compose.yaml', 'compose.override.yaml', 'compose.override.yml'],
      ['docker-compose.yml', 'compose.override.yml'],
    ],
    [['docker-compose.yaml'], ['docker-compose.yaml']],
  ])('of %j', async (present, expected) => {
    put(Object.fromEntries(present.map((name) => [name, web('x')])))
    expect((await found()).names).toEqual(expected)
  })

  test('those beside them are named', async () => {
    put({ 'compose.yaml': web('x'), 'docker-compose.yml': web('y') })
    expect((await found()).notes[0]?.message).toBe('is used, and not docker-compose.yml beside it')
  })

  test('where there is none, what was looked for is named', async () => {
    await expect(found()).rejects.toMatchObject({
      code: 'file-unreadable',
      message: `there is no Compose file in ${folder}: looked for compose.yaml, compose.yml, docker-compose.yml, docker-compose.yaml; name it with -f`,
    })
  })

  test('COMPOSE_FILE of .env comes before them, and -f before it', async () => {
    put({
      'compose.yaml': web('x'),
      'a.yaml': web('a'),
      'sub/b.yaml': web('b'),
      '.env': 'COMPOSE_FILE=a.yaml:sub/b.yaml',
    })
    expect((await found()).names).toEqual(['a.yaml', 'sub/b.yaml'])
    expect((await found({ file: [join(folder, 'compose.yaml')] })).names).toEqual(['compose.yaml'])
    put({ '.env': 'COMPOSE_FILE=a.yaml,sub/b.yaml\nCOMPOSE_PATH_SEPARATOR=,' })
    expect((await found()).names).toEqual(['a.yaml', 'sub/b.yaml'])
  })
})

describe('the project folder is that of the first file, or the one that is given', () => {
  test('for .env and for relative paths', async () => {
    put({
      'one/a.yaml': 'services: {web: {image: "x:$TAG", env_file: e.env}}',
      'two/b.yaml': 'services: {web: {env_file: f.env}}',
      'one/.env': 'TAG=one',
      'one/e.env': 'E=one',
      'one/f.env': 'F=one',
      'two/.env': 'TAG=two',
      'two/e.env': 'E=two',
      'two/f.env': 'F=two',
    })
    const file = [join(folder, 'one/a.yaml'), join(folder, 'two/b.yaml')]
    const one = await loadCompose({ file })
    expect(one.model.name).toBe('one')
    expect(one.model.services.web).toEqual({ image: 'x:one', environment: { E: 'one', F: 'one' } })
    const two = await loadCompose({ file, projectDirectory: join(folder, 'two') }, 'app')
    expect(two.model.services.web).toEqual({ image: 'x:two', environment: { E: 'two', F: 'two' } })
  })

  test('COMPOSE_PROJECT_NAME of .env is not the name', async () => {
    put({ 'compose.yaml': 'services: {web: {image: "x:$COMPOSE_PROJECT_NAME"}}', '.env': 'COMPOSE_PROJECT_NAME=other' })
    const { model } = await loadCompose({ projectDirectory: folder }, 'mine')
    expect([model.name, model.services.web?.image]).toEqual(['mine', 'x:mine'])
  })
})

describe('variables', () => {
  const image = async (options: Parameters<typeof loadCompose>[0] = {}) =>
    (await loadCompose({ projectDirectory: folder, ...options }, 'app')).model.services.web?.image
  const name = 'LONGSHORE_TEST_TAG'
  beforeEach(() => {
    put({
      'compose.yaml': web(`x:\${${name}-none}`),
      '.env': `${name}=dotenv`,
      'one.env': `${name}=one`,
      'two.env': `B=2`,
    })
    process.env[name] = 'shell'
  })
  afterEach(() => {
    delete process.env[name]
  })

  test('of the shell count only if that is asked for; --set wins over it, and it over files', async () => {
    const envFile = [join(folder, 'one.env'), join(folder, 'two.env')]
    const set = [`${name}=set`]
    expect(await image()).toBe('x:dotenv')
    expect(await image({ envFile })).toBe('x:one')
    expect(await image({ envFile: [join(folder, 'two.env')] })).toBe('x:none')
    expect(await image({ envFile, set })).toBe('x:set')
    expect(await image({ envFromShell: true })).toBe('x:shell')
    expect(await image({ envFromShell: true, envFile })).toBe('x:shell')
    expect(await image({ envFromShell: true, set })).toBe('x:set')
  })

  test('inside environment files: --set first, then the lines above, then the files before', async () => {
    put({ 'one.env': 'A=1\nB=1', 'two.env': `A=2\n${name}=$A-$B-$C` })
    const envFile = [join(folder, 'one.env'), join(folder, 'two.env')]
    expect(await image({ envFile, set: ['C=set'] })).toBe('x:2-1-set')
    expect(await image({ envFile, set: ['C=set', 'A=set'] })).toBe('x:set-1-set')
  })

  test('a name alone under environment takes its value from the same places', async () => {
    put({ 'compose.yaml': `services: {web: {image: x, environment: [${name}]}}` })
    const environment = async (options: Parameters<typeof loadCompose>[0] = {}) =>
      (await loadCompose({ projectDirectory: folder, ...options }, 'app')).model.services.web?.environment
    expect(await environment()).toEqual({ [name]: 'dotenv' })
    expect(await environment({ envFromShell: true })).toEqual({ [name]: 'shell' })
  })

  test('COMPOSE_PROFILES of .env counts where no profile is given', async () => {
    put({ '.env': 'COMPOSE_PROFILES=a, b,' })
    expect((await found()).profiles).toEqual(['a', 'b'])
    expect((await found({ profile: ['c'] })).profiles).toEqual(['c'])
  })
})

test('standard input can be read once', async () => {
  await expect(findProject({ file: ['-', '-'] })).rejects.toMatchObject({ code: 'usage' })
})

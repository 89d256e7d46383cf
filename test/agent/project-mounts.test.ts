import { describe, expect, test } from 'vitest'
import {
  isData,
  mountedContent,
  mountSource,
  projectMounts,
  type Release,
} from '../../agent/translate/project-mounts.ts'
import type { Mount, Service } from '../../src/compose/model.ts'
import { paths, serviceModel } from '../support/builders.ts'

const bind = (source: string, target: string, readOnly = false): Mount => ({
  type: 'bind',
  source,
  target,
  ...(readOnly ? { read_only: true } : {}),
})

const release = (services: Record<string, Partial<Service>>, rest: Partial<Release> = {}): Release => ({
  compose: serviceModel(services),
  files: {},
  secretVersions: {},
  ...rest,
})

const file = (sha256: string, mode = '0644') => ({ sha256, mode })

const sourcesOf = (given: Release, name = 'web'): string[] => {
  const service = given.compose.services[name]
  if (service === undefined) throw new Error(name)
  return projectMounts(given, service).map((mount) => `${mountSource(paths, mount)} → ${mount.target}`)
}

describe('what is mounted writable by one is writable for all', () => {
  test.each([
    ['the same path', './conf', './conf', true],
    ['a folder in it', './conf', './conf/a', true],
    ['a folder that holds it', './conf/a', './conf', true],
    ['the project folder', '.', './conf', true],
    ['in the project folder', './conf', '.', true],
    ['another folder', './conf', './config', false],
  ])('%s', (_, writable, readOnly, expected) => {
    const model = serviceModel({
      web: { volumes: [bind(readOnly, '/a', true)] },
      db: { volumes: [bind(writable, '/b')] },
    })
    expect(isData(model, readOnly === '.' ? '' : readOnly.slice(2))).toBe(expected)
  })
})

test('a file beside what is mounted writable, in a folder that holds both, is seen through that folder', () => {
  const model = serviceModel({ web: { volumes: [bind('.', '/app', true), bind('./data', '/app/data')] } })
  expect(isData(model, 'conf/a')).toBe(true)
  const nested = serviceModel({ web: { volumes: [bind('./a', '/a', true), bind('./a/rw', '/rw')] } })
  expect(['a/x', 'a/rw/y', 'b'].map((path) => isData(nested, path))).toEqual([true, true, false])
})

describe('where a mount comes from', () => {
  test('a writable one from the data folder, a folder or a file', () => {
    const given = release({ web: { volumes: [bind('./data', '/a'), bind('./x/y.conf', '/b')] } })
    expect(sourcesOf(given)).toEqual(['/p/data/data → /a', '/p/data/x/y.conf → /b'])
  })

  test('a read-only one from a tree that is named by all that is in it, and by nothing else', () => {
    const web = { volumes: [bind('./conf', '/a', true)] }
    const files = { 'conf/a': file('1'), 'conf/sub/b': file('2'), 'other/c': file('3'), confx: file('4') }
    const [before] = sourcesOf(release({ web }, { files }))
    expect(before).toMatch(/^\/p\/trees\/[0-9a-f]{64} → \/a$/)
    expect(sourcesOf(release({ web }, { files: { ...files, 'other/c': file('9'), confx: file('9') } }))).toEqual([
      before,
    ])
    expect(sourcesOf(release({ web }, { files: { ...files, 'conf/sub/b': file('9') } }))).not.toEqual([before])
    expect(sourcesOf(release({ web }, { files: { ...files, 'conf/a': file('1', '0755') } }))).not.toEqual([before])
    expect(sourcesOf(release({ web }, { files: { ...files, 'conf/new': file('1') } }))).not.toEqual([before])
  })

  test('a read-only file from a tree with that file alone', () => {
    const given = release({ web: { volumes: [bind('./conf/a', '/a', true)] } }, { files: { 'conf/a': file('1') } })
    expect(sourcesOf(given)[0]).toMatch(/^\/p\/trees\/[0-9a-f]{64}\/a → \/a$/)
  })

  test('names that every object has are names like others', () => {
    const web = { volumes: [bind('./constructor', '/a', true)], secrets: [{ source: 'toString', target: '/s' }] }
    expect(sourcesOf(release({ web }))).toEqual([expect.stringMatching(/^\/p\/trees\/[0-9a-f]{64} → \/a$/)])
  })

  test('a secret from memory, by its version; none while it is not set', () => {
    const web: Partial<Service> = { secrets: [{ source: 'key', target: '/run/secrets/k', mode: '0400', uid: '70' }] }
    const of = (secretVersions: Record<string, string>) => sourcesOf(release({ web }, { secretVersions }))
    expect(of({ key: 'v1' })[0]).toMatch(/^\/s\/[0-9a-f]{64}\/k → \/run\/secrets\/k$/)
    expect(of({ key: 'v2' })).not.toEqual(of({ key: 'v1' }))
    expect(of({})).toEqual([])
  })
})

describe('what of its files a container depends on', () => {
  const content = (given: Release, written = {}): unknown =>
    mountedContent(given, given.compose.services.web as Service, written)

  test('nothing where it mounts nothing of the project, so that its digest is what it always was', () => {
    expect(content(release({ web: { volumes: [bind('/etc/x', '/x')] } }))).toBeUndefined()
  })

  test('of writable files, what the agent wrote below them, and not what the containers made of it', () => {
    const given = release({ web: { volumes: [bind('./data', '/a')] } })
    const before = content(given, { 'data/a': '1', other: '2' })
    expect(content(given, { 'data/a': '1', other: '3' })).toEqual(before)
    expect(content(given, { 'data/a': '2', other: '2' })).not.toEqual(before)
  })

  test('a secret in the environment, by its version', () => {
    const web = { 'x-longshore': { secretEnv: { PASSWORD: 'key' } } }
    expect(content(release({ web }, { secretVersions: { key: 'v1' } }))).toEqual({ $PASSWORD: 'v1' })
  })
})

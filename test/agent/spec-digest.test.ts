import { describe, expect, test } from 'vitest'
import { changedKeys, specDigest } from '../../agent/translate/spec-digest.ts'
import type { Model, Service } from '../../src/compose/model.ts'
import { serviceModel } from '../support/builders.ts'

const web: Service = { image: 'web:1', environment: { A: '1', B: '2' }, command: ['run'], networks: { back: {} } }
const rest: Partial<Model> = { networks: { back: {}, other: {} }, volumes: { data: {} } }
const digest = (service: Service, imageId = 'sha256:web', more: Partial<Model> = rest, name = 'web') =>
  specDigest(serviceModel({ [name]: service }, more), name, service, imageId)

test('the digest of a service does not change between versions of the agent', () => {
  expect(digest(web)).toBe('sha256:b7cfd25ffc9c4d3eb9ca92f3d57b8d65fdde145e15eb8755e596ed3070012634')
})

describe('nothing changes with', () => {
  test.each<[string, Service]>([
    [
      'the order of keys',
      { networks: { back: {} }, command: ['run'], environment: { B: '2', A: '1' }, image: 'web:1' },
    ],
    ['depends_on', { ...web, depends_on: { db: { condition: 'service_started' } } }],
    ['pull_policy', { ...web, pull_policy: 'always' }],
    ['how it is updated', { ...web, deploy: { update_config: { monitor: '1s' } } }],
    ['a link of its own', { ...web, links: ['db:database'] }],
    ['an extension', { ...web, 'x-note': 'hello' }],
  ])('%s', (_name, service) => {
    expect(digest(service)).toBe(digest(web))
    expect(changedKeys(web, service)).toEqual([])
  })

  test('the definition of what it does not use', () => {
    const more = { networks: { back: {}, other: { name: 'x' } }, volumes: { data: { name: 'y' } } }
    expect(digest(web, 'sha256:web', more)).toBe(digest(web))
  })
})

describe('it changes with', () => {
  test.each<[string, Service, string[]]>([
    ['the environment', { ...web, environment: { A: '2', B: '2' } }, ['environment']],
    ['the order of a command', { ...web, command: ['run', 'x'] }, ['command']],
    ['a limit', { ...web, deploy: { resources: { limits: { memory: 1 } } } }, ['limits']],
    ['a key that is gone', { image: 'web:1', command: ['run'], networks: { back: {} } }, ['environment']],
    ['the reference', { ...web, image: 'web:2' }, ['image']],
  ])('%s', (_name, service, keys) => {
    expect(digest(service)).not.toBe(digest(web))
    expect(changedKeys(web, service)).toEqual(keys)
  })

  test('the image that a tag stands for', () => {
    expect(digest(web, 'sha256:other')).not.toBe(digest(web))
  })

  test('the definition of a network or volume that it uses', () => {
    expect(digest(web, 'sha256:web', { networks: { back: { name: 'x' } } })).not.toBe(digest(web))
    const mounting: Service = { ...web, volumes: [{ type: 'volume', source: 'data', target: '/d' }] }
    expect(digest(mounting, 'sha256:web', { ...rest, volumes: { data: { name: 'y' } } })).not.toBe(digest(mounting))
  })

  test('another service that waits for its end, which makes it a job', () => {
    const waiting = { depends_on: { web: { condition: 'service_completed_successfully' as const } } }
    const digestIn = (model: Model) => specDigest(model, 'web', model.services.web as Service, 'sha256:web')
    expect(digestIn(serviceModel({ web: {}, api: waiting }))).not.toBe(digestIn(serviceModel({ web: {}, api: {} })))
    const job = { restart: 'no' }
    expect(digestIn(serviceModel({ web: job, api: waiting }))).toBe(digestIn(serviceModel({ web: job, api: {} })))
  })

  test('what others that link to it call it', () => {
    const digestIn = (links: string[]) => {
      const model = serviceModel({ web: {}, api: { links } })
      return specDigest(model, 'web', model.services.web as Service, 'sha256:web')
    }
    expect(digestIn(['web:www'])).not.toBe(digestIn([]))
    expect(digestIn(['web'])).toBe(digestIn([]))
  })

  test('what is reserved for it', () => {
    const reservations = { devices: [{ capabilities: ['gpu'] }] }
    expect(digest({ ...web, deploy: { resources: { reservations } } })).not.toBe(digest(web))
  })

  test('the name of the service', () => {
    expect(digest(web, 'sha256:web', rest, 'api')).not.toBe(digest(web))
  })
})

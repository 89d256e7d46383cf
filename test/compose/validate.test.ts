import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { validateModel } from '../../src/compose/validate.ts'

const model = (service: object, rest: object = {}) => ({
  name: 'demo',
  services: { web: { image: 'nginx', ...service } },
  ...rest,
})

const faultsOf = (json: unknown) => {
  const result = validateModel(json)
  return result.ok ? [] : result.faults.map(({ code, path }) => `${code} ${path}`)
}

test('a model that is right is taken as it is', () => {
  const json = model({ 'x-a': 1, ports: [{ target: 80, published: 80, protocol: 'tcp' }] }, { 'x-longshore': {} })
  expect(validateModel(json)).toEqual({ ok: true, model: json })
})

describe('what is wrong is named by code and path', () => {
  test.each([
    ['nothing', null, ['value-invalid ']],
    ['a list', [], ['value-invalid ']],
    ['no services', { name: 'demo', services: {} }, ['value-invalid services']],
    ['a refused key', model({ build: '.' }), ['key-unsupported services.web.build']],
    ['an unknown key', model({ imagee: 'x' }), ['key-unknown services.web.imagee']],
    ['a name that every object has', model({ constructor: 1 }), ['key-unknown services.web.constructor']],
    ['env_file, which is for the command', model({ env_file: 'x' }), ['key-unsupported services.web.env_file']],
    ['an unknown key of ours', model({}, { 'x-longshore': { up: 1 } }), ['key-unknown x-longshore.up']],
    [
      'ours in the wrong place',
      model({ deploy: { 'x-longshore': {} } }),
      ['key-unsupported services.web.deploy.x-longshore'],
    ],
    ['a short form', model({ ports: ['80:80'] }), ['value-invalid services.web.ports[0]']],
    [
      'a wrong type',
      model({ tty: 'yes', init: 1 }),
      ['value-invalid services.web.init', 'value-invalid services.web.tty'],
    ],
    ['an unknown mount', model({ volumes: [{ type: 'npipe' }] }), ['value-invalid services.web.volumes[0].type']],
    ['half a character', model({ hostname: '\ud800' }), ['value-invalid services.web.hostname']],
    [
      'a circle',
      model({ depends_on: { web: { condition: 'service_started' } } }),
      ['dependency-cycle services.web.depends_on'],
    ],
    [
      'a reference to what every object has',
      model({ network_mode: 'service:toString' }),
      ['reference-missing services.web.network_mode'],
    ],
    [
      'limits that differ',
      model({ cpus: 1, deploy: { resources: { limits: { cpus: 2 } } } }),
      ['value-invalid services.web.cpus'],
    ],
    ['__proto__', JSON.parse('{"name":"demo","services":{"__proto__":{"image":"x"}}}'), ['value-invalid services']],
  ])('%s', (_, json, expected) => {
    expect(faultsOf(json).sort()).toEqual(expected)
  })
})

test('a chain of many services is checked without running out of stack', () => {
  const services = Object.fromEntries(
    Array.from({ length: 20_000 }, (_, index) => [
      `s${index}`,
      {
        image: 'x',
        ...(index < 19_999 ? { depends_on: { [`s${index + 1}`]: { condition: 'service_started' } } } : {}),
      },
    ]),
  )
  expect(validateModel({ name: 'demo', services }).ok).toBe(true)
})

test('the agent, which validates, loads no YAML', () => {
  const seen = new Set<string>()
  const visit = (file: string): void => {
    if (seen.has(file)) return
    seen.add(file)
    for (const [, from = ''] of readFileSync(file, 'utf8').matchAll(/from '([^']+)'/g)) {
      expect(from, file).not.toBe('yaml')
      if (from.startsWith('.')) visit(new URL(from, `file://${file}`).pathname)
    }
  }
  visit(`${process.cwd()}/src/compose/validate.ts`)
  expect(seen.size).toBeGreaterThan(5)
})

/** Texts of policy files, and the files that are shipped. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { policyInForce } from '../../agent/fixed-policy.ts'
import { defaultPolicy } from '../../agent/policy/default-policy.ts'
import { policyFault } from '../../agent/policy/policy-fault.ts'
import { readPolicy } from '../../agent/policy/read-policy.ts'
import { serviceModel } from '../support/builders.ts'

const shipped = (name: string) => ({ file: name, text: readFileSync(`examples/policy/${name}`, 'utf8') })
const read = (...texts: string[]) => readPolicy(texts.map((text, index) => ({ file: `${index}.yaml`, text })))
const policyOf = (...texts: string[]) => {
  const result = read(...texts)
  if (!result.ok) throw new Error(result.fault.message)
  return result.policy
}

test('the policy.yaml that is shipped is the default', () => {
  expect(readPolicy([shipped('policy.yaml')])).toEqual({ ok: true, policy: defaultPolicy })
  const keys = [...shipped('policy.yaml').text.matchAll(/^(\w+):/gm)].map(([, key]) => key)
  expect(keys.sort()).toEqual(Object.keys(defaultPolicy).sort())
})

test('node-exporter and cAdvisor are refused without monitoring.yaml, and accepted with it', () => {
  const bind = (source: string) => ({ type: 'bind' as const, source, target: `/host${source}`, read_only: true })
  const nodeExporter = serviceModel({
    exporter: { pid: 'host', network_mode: 'host', volumes: [{ ...bind('/'), bind: { propagation: 'rslave' } }] },
    old: { volumes: ['/proc', '/sys', '/'].map(bind) },
  })
  const advisor = serviceModel({
    cadvisor: { volumes: ['/', '/var/run', '/sys', '/var/lib/docker', '/dev/disk'].map(bind) },
  })
  const joined = readPolicy([shipped('monitoring.yaml')])
  const monitoring = policyInForce(joined.ok ? joined.policy : {})
  for (const model of [nodeExporter, advisor]) {
    expect(policyFault(model, policyInForce())).toMatchObject({ code: 'policy-refused' })
    expect(policyFault(model, monitoring)).toBeUndefined()
  }
  const writing = serviceModel({ web: { volumes: [{ type: 'bind', source: '/', target: '/host' }] } })
  expect(policyFault(writing, monitoring)).toMatchObject({ path: 'compose.services.web.volumes[0]' })
})

describe('files are joined', () => {
  test('over the default: what is not named stays, a list is replaced, of hostPaths each path', () => {
    const policy = policyOf(
      'capabilities: [SYS_ADMIN]\nhostPaths: {/etc: read}',
      'capabilities: [BPF]\nhostPaths: {/opt: none}',
    )
    expect(policy).toEqual({
      ...defaultPolicy,
      capabilities: ['BPF'],
      hostPaths: { ...defaultPolicy.hostPaths, '/etc': 'read', '/opt': 'none' },
    })
  })

  test.each(['', '# nothing', '{}', '---'])('%j says nothing, and the default stays', (text) => {
    expect(policyOf(text)).toEqual(defaultPolicy)
  })
})

test.each([
  ['no YAML', 'gpus: true\nprivileged: [', 2, undefined],
  ['a key twice', 'gpus: true\ngpus: false', 2, undefined],
  ['two documents', 'gpus: true\n---\ngpus: false', 2, undefined],
  ['a list', '- privileged', 1, undefined],
  ['a text', 'privileged', 1, undefined],
  ['an unknown key', 'gpus: true\n\nprivilege: true', 3, 'privilege'],
  ['an empty key', 'gpus:', 1, 'gpus'],
  ['a wrong type', '# a\nprivileged: "yes"', 2, 'privileged'],
  ['an item of a wrong type', 'images:\n  - nginx\n  - 5', 3, 'images[1]'],
  ['a path that is not absolute', 'hostPaths:\n  /opt: read\n  opt: read', 3, 'hostPaths.opt'],
  ['a path with ..', 'hostPaths:\n  /opt/../etc: read', 2, 'hostPaths./opt/../etc'],
  ['an access that is none', 'hostPaths:\n  /opt: write\n  /srv: rw', 3, 'hostPaths./srv'],
  ['a size that is none', 'maxMemory: much', 1, 'maxMemory'],
  ['an unknown namespace', 'hostNamespaces: [pid, net]', 1, 'hostNamespaces[1]'],
  ['a device rule that is none', "deviceRules:\n  - 'c 1:1 rwm'", 2, 'deviceRules[0]'],
  [
    'aliases that unfold without end',
    `a: &a [x,x,x,x,x,x,x,x,x,x]\n${'bcdefgh'.replace(/./g, (name) => `${name}: &${name} [${Array(10).fill(`*${String.fromCharCode(name.charCodeAt(0) - 1)}`)}]\n`)}`,
    1,
    undefined,
  ],
])('%s is a fault with its file and line', (_what, text, line, path) => {
  const result = read('gpus: true', text)
  expect(result).toMatchObject({
    ok: false,
    fault: { code: 'policy-invalid', message: expect.stringMatching(new RegExp(`^1\\.yaml:${line}: `)) },
  })
  expect(result.ok ? '' : result.fault.path).toBe(path)
})

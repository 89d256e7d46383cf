import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { checkWalls } from './support/check-walls.ts'
import { readImports } from './support/read-imports.ts'

const root = join(import.meta.dirname, '..')

const readSources = async (folders: readonly string[]): Promise<Record<string, string>> => {
  const sources: Record<string, string> = {}
  for (const folder of folders) {
    const entries = await readdir(join(root, folder), { recursive: true, withFileTypes: true }).catch(() => [])
    for (const entry of entries) {
      const file = join(entry.parentPath, entry.name)
      if (entry.isFile() && file.endsWith('.ts')) sources[file.slice(root.length + 1)] = await readFile(file, 'utf8')
    }
  }
  return sources
}

test('no import in the tree crosses a wall', async () => {
  const sources = await readSources(['src', 'agent', 'broker'])
  expect(Object.keys(sources).length).toBeGreaterThan(10)
  expect(checkWalls(sources)).toEqual([])
})

describe('a crossing is caught', () => {
  const pure = 'a pure module imports types and pure modules only'
  test.each([
    ['agent to broker', 'agent/main.ts', `import { a } from '../broker/broker.ts'`, 'never import each other'],
    [
      'broker to agent, as a type',
      'broker/broker.ts',
      `import type { A } from '../agent/main.ts'`,
      'never import each other',
    ],
    ['re-export', 'agent/a.ts', `export * from '../broker/broker.ts'`, 'never import each other'],
    [
      'named re-export over lines',
      'agent/a.ts',
      `export {\n  a,\n  b as c,\n} from '../broker/broker.ts'`,
      'never import each other',
    ],
    ['dynamic', 'agent/a.ts', `const b = await import('../broker/broker.ts')`, 'never import each other'],
    ['for its effects', 'agent/a.ts', `import '../broker/broker.ts'`, 'never import each other'],
    ['a name that is no literal', 'agent/a.ts', `await import(name)`, 'no literal'],
    [
      'dockerode outside agent/engine',
      'agent/reconcile/observe.ts',
      `import Docker from 'dockerode'`,
      'only agent/engine/',
    ],
    [
      'certificates outside src/pki',
      'broker/enrolment/certifier.ts',
      `import { X509Certificate } from '@peculiar/x509'`,
      'only src/pki/',
    ],
    ['its types too', 'agent/a.ts', `import type { ContainerInfo } from "dockerode"`, 'only agent/engine/'],
    ['by require', 'agent/a.ts', `const docker = require('dockerode')`, 'only agent/engine/'],
    ['a file of a package', 'agent/a.ts', `import x from 'dockerode/lib/util.js'`, 'only agent/engine/'],
    ['mqtt outside src/link', 'src/fleet/deploy.ts', `import mqtt from 'mqtt'`, 'only src/link/ knows mqtt'],
    ['aedes outside broker', 'src/cli/broker.ts', `import { Aedes } from 'aedes'`, 'only broker/ knows aedes'],
    ['ws outside broker', 'src/link/session.ts', `import { WebSocket } from 'ws'`, 'only broker/ knows ws'],
    [
      'protocol to compose',
      'src/protocol/a.ts',
      `import { b } from '../compose/model.ts'`,
      'src/protocol imports nothing of ours',
    ],
    [
      'protocol does I/O',
      'src/protocol/a.ts',
      `import { readFile } from 'node:fs/promises'`,
      'no package that could do',
    ],
    [
      'the command loads the agent statically',
      'src/cli/main.ts',
      `import { a } from '../../agent/main.ts'`,
      'dynamic import only',
    ],
    [
      'src loads the broker',
      'src/fleet/a.ts',
      `await import('../../broker/broker.ts')`,
      'nothing in src but the command',
    ],
    ['the plan imports the engine', 'agent/reconcile/plan.ts', `import { a } from '../engine/engine.ts'`, pure],
    [
      'a part of the plan imports an inline type',
      'agent/reconcile/plan-service.ts',
      `import { type A } from '../engine/a.ts'`,
      pure,
    ],
    ['translate imports the store', 'agent/translate/service.ts', `import { a } from '../store/apps.ts'`, pure],
    [
      'the plan reads the clock of a package',
      'agent/reconcile/plan.ts',
      `import { setTimeout } from 'node:timers/promises'`,
      'no package',
    ],
    ['/proc in the engine', 'agent/engine/engine.ts', `readFile('/proc/1/cgroup')`, 'only agent/devices'],
    ['/dev by template', 'src/cli/a.ts', 'open(`/dev/${name}`)', 'only agent/devices'],
    ['/sys itself', 'broker/a.ts', `readdir("/sys")`, 'only agent/devices'],
  ])('%s', (_name, file, source, expected) => {
    expect(checkWalls({ [file]: source })).toEqual([expect.stringContaining(expected)])
  })

  test('a package with effects behind a module that the plan loads', () => {
    const sources = {
      'agent/reconcile/plan.ts': `import { judge } from './judge.ts'`,
      'agent/reconcile/judge.ts': `import type { A } from '../engine/a.ts'\nimport { readFile } from 'node:fs/promises'`,
    }
    expect(checkWalls(sources)).toEqual([expect.stringContaining('agent/reconcile/judge.ts imports node:fs/promises')])
  })

  test('a cycle, once, but not one of types, which are gone at run time', () => {
    const sources = {
      'agent/a.ts': `import { b } from './b.ts'`,
      'agent/b.ts': `import { c } from './deep/c.ts'`,
      'agent/deep/c.ts': `export { a } from '../a.ts'`,
      'agent/d.ts': `import { a } from './a.ts'\nimport { e } from './e.ts'`,
      'agent/e.ts': `import type { D } from './d.ts'`,
    }
    expect(checkWalls(sources)).toEqual(['import cycle: agent/a.ts → agent/b.ts → agent/deep/c.ts → agent/a.ts'])
  })
})

test('what is allowed is not reported', () => {
  const sources = {
    'agent/engine/engine.ts': `import Docker from 'dockerode'`,
    'src/link/session.ts': `import mqtt from 'mqtt'`,
    'broker/broker.ts': `import { Aedes } from 'aedes'\nimport { WebSocketServer } from 'ws'`,
    'src/cli/main.ts': `const { main } = await import('../../agent/main.ts')`,
    'agent/devices/serial.ts': `watch('/dev')`,
    'agent/telemetry/host.ts': `readFile('/proc/meminfo')`,
    'agent/reconcile/plan.ts': `import type { Engine } from '../engine/engine.ts'\nimport { a } from '../../src/compose/model.ts'`,
    'src/compose/model.ts': `import { z } from 'zod'`,
    'agent/store/apps.ts': `import { join } from 'node:path' // never import '../../broker/x.ts'\nconst device = '/device'`,
  }
  expect(checkWalls(sources)).toEqual([])
})

test('comments, strings and regular expressions hide no import and make none', () => {
  const source = [
    `// import a from 'comment'`,
    `/* import b from 'block' */`,
    `const text = "import c from 'string'"`,
    `const pattern = /['"\`]/.test(x)`,
    `import d, { e as f } from 'first' // it's`,
    `const half = a / b; import * as g from "second"`,
    `export type { H } from 'third'`,
    `import type I from 'fourth'`,
  ].join('\n')
  expect(readImports(source).imports).toEqual([
    { specifier: 'first', kind: 'static' },
    { specifier: 'second', kind: 'static' },
    { specifier: 'third', kind: 'type' },
    { specifier: 'fourth', kind: 'type' },
  ])
})

import { expect, test } from 'vitest'
import { toJson } from '../../src/compose/authored.ts'
import { collect } from '../../src/compose/context.ts'
import { parseYaml } from '../../src/compose/parse-yaml.ts'
import { rebase } from '../../src/compose/rebase.ts'

const rebased = (text: string, folder: string): unknown => {
  const context = collect({ lookup: () => undefined, readFile: () => undefined, isOutside: () => false })
  const tree = parseYaml({ file: 'a.yaml', text }, context)
  return tree === undefined ? context.faults : toJson(rebase(tree, folder))
}

test.each([
  ['env_file: a', 'env_file: sub/a'],
  ['env_file: [./a, /b, {path: ../c}]', 'env_file: [sub/a, /b, {path: c}]'],
  ['label_file: [a]', 'label_file: [sub/a]'],
  ['extends: {file: b.yaml, service: b.yaml}', 'extends: {file: sub/b.yaml, service: b.yaml}'],
  ['extends: b.yaml', 'extends: b.yaml'],
  [
    'volumes: [./a:/x:ro, ../b:/y, ../../c:/z, .:/w, data:/v, /abs:/u, ~/h:/t, ./anonymous]',
    'volumes: [./sub/a:/x:ro, ./b:/y, ../c:/z, ./sub:/w, data:/v, /abs:/u, ~/h:/t, ./anonymous]',
  ],
  [
    'volumes: [{type: bind, source: a, target: /x}, {type: volume, source: a, target: /x}, {source: ./a}]',
    'volumes: [{type: bind, source: ./sub/a, target: /x}, {type: volume, source: a, target: /x}, {source: ./a}]',
  ],
  ['build: .', 'build: .'],
  ['constructor: a', 'constructor: a'],
])('in a service, %s', (written, expected) => {
  const service = (line: string) => `services:\n  web:\n    ${line}\n`
  expect(rebased(service(written), 'sub')).toEqual(rebased(service(expected), '.'))
})

test('at top level, files of configs and secrets, and what is included', () => {
  const text = (folder: string) =>
    `configs: {a: {file: ${folder}a}, b: {content: a}}\nsecrets: {a: {file: ${folder}b}}\ninclude: [${folder}c, {path: [${folder}d], env_file: ${folder}e, project_directory: ${folder}f}]\nvolumes: {a: {name: b}}`
  expect(rebased(text(''), '../up')).toEqual(rebased(text('../up/'), '.'))
})

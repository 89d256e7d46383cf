import { expect, test } from 'vitest'
import { mirrorReferences, registryOf } from '../../agent/translate/registry.ts'

test.each([
  ['nginx', 'docker.io'],
  ['library/nginx:1', 'docker.io'],
  ['ghcr.io/a/b:1', 'ghcr.io'],
  ['localhost/a', 'localhost'],
  ['index.docker.io/library/nginx', 'docker.io'],
  ['registry:5000/a@sha256:0', 'registry:5000'],
  ['127.0.0.1:5000/a/b', '127.0.0.1:5000'],
])('%s is of %s', (reference, registry) => {
  expect(registryOf(reference)).toBe(registry)
})

test.each([
  ['nginx:1', ['site:5000/library/nginx:1']],
  ['grafana/grafana', ['site:5000/grafana/grafana']],
  ['docker.io/nginx', ['site:5000/library/nginx']],
  ['ghcr.io/a/b:1', ['mirror.example/ghcr/a/b:1', 'second.example/a/b:1']],
  ['quay.io/a/b@sha256:0', ['any.example/a/b@sha256:0']],
  ['own.example/a:1', []],
])('%s has the mirrors of its registry, in order, or else those of all', (reference, expected) => {
  const mirrors = {
    'docker.io': ['site:5000'],
    'ghcr.io': ['mirror.example/ghcr', 'second.example'],
    'own.example': [],
    '*': ['any.example'],
  }
  expect(mirrorReferences(reference, mirrors)).toEqual(expected)
})

test('a registry with a name that objects have', () => {
  expect(mirrorReferences('constructor:5000/a', {})).toEqual([])
})

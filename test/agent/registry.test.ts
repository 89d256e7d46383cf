import { expect, test } from 'vitest'
import { registryOf } from '../../agent/translate/registry.ts'

test.each([
  ['nginx', 'docker.io'],
  ['library/nginx:1', 'docker.io'],
  ['ghcr.io/a/b:1', 'ghcr.io'],
  ['localhost/a', 'localhost'],
  ['registry:5000/a@sha256:0', 'registry:5000'],
  ['127.0.0.1:5000/a/b', '127.0.0.1:5000'],
])('%s is of %s', (reference, registry) => {
  expect(registryOf(reference)).toBe(registry)
})

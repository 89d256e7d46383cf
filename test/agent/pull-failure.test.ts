import { expect, test } from 'vitest'
import { pullAdvice, pullCodeOf } from '../../agent/engine/pull-failure.ts'

/** As Docker 20.10 to 29 and Podman 4 say it. */
test.each([
  ['Head "http://r:5000/v2/a/manifests/1": no basic auth credentials', 'registry-unauthorized'],
  ['unauthorized: authentication required', 'registry-unauthorized'],
  ['error parsing HTTP 403 response body: invalid character', 'registry-unauthorized'],
  [
    "pull access denied for a/b, repository does not exist or may require 'docker login': denied: requested access to the resource is denied",
    'registry-unauthorized',
  ],
  ['unexpected status from HEAD request to https://r/v2/a/manifests/1: 401 Unauthorized', 'registry-unauthorized'],
  ['denied: installation not allowed to Read organization package', 'registry-unauthorized'],
  ['manifest for r/a:9 not found: manifest unknown: manifest unknown', 'image-not-found'],
  ['failed to resolve reference "r/a:9": r/a:9: not found', 'image-not-found'],
  ['name unknown: repository name not known to registry', 'image-not-found'],
  ['error parsing HTTP 404 response body: invalid character', 'image-not-found'],
  ['error parsing HTTP 429 response body: invalid character', 'registry-busy'],
  ['toomanyrequests: You have reached your pull rate limit', 'registry-busy'],
  ['received unexpected HTTP status: 429 Too Many Requests', 'registry-busy'],
  ['failed to register layer: write /bin/x: no space left on device', 'disk-full'],
  ['no matching manifest for linux/arm64/v8 in the manifest list entries', 'wrong-platform'],
  ['no match for platform in manifest: not found', 'wrong-platform'],
  ['received unexpected HTTP status: 500 Internal Server Error', undefined],
  ['filesystem layer verification failed for digest sha256:4034295429', undefined],
  ['unexpected EOF', undefined],
  ['failed to register layer: mkdir /x: permission denied: y', undefined],
  ['Get "https://r/v2/": dial tcp: lookup r: no such host', undefined],
  ['dial tcp 10.4.0.3:4290: connect: connection refused', undefined],
])('%s: %s', (said, code) => {
  expect(pullCodeOf(said)).toBe(code)
})

test('who may not gets told how to set credentials, for the registry that asked', () => {
  expect(pullAdvice('registry-unauthorized', 'r.example:5000/a:1')).toContain(
    'longshore secret set _registry r.example:5000 --device ID',
  )
})

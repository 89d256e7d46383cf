/** Words of the Docker Engine API, and Podman's own where they shine through. */
import { expect, test } from 'vitest'
import { translateError } from '../../agent/engine/docker-errors.ts'
import { toState } from '../../agent/engine/docker-state.ts'

test.each([
  ['created', 'created'],
  ['configured', 'created'],
  ['initialized', 'created'],
  ['stopping', 'running'],
  ['stopped', 'exited'],
  ['Exited', 'exited'],
  ['unknown', 'dead'],
])('the state %s is %s', (text, state) => {
  expect(toState(text)).toBe(state)
})

test.each([
  [409, 'Conflict. The container name "/web" is already in use by container "1"', 'name-in-use'],
  [500, 'container create: the container name "web" is already in use by 6f8. You have to remove it', 'name-in-use'],
  [409, 'network with name plant already exists', 'name-in-use'],
  [500, 'network name plant already used: network already exists', 'name-in-use'],
  [500, 'docker.io/acme/web:1: image not known', 'image-not-found'],
  [500, 'rootlessport listen tcp 0.0.0.0:80: bind: address already in use', 'port-in-use'],
  [500, 'something else', 'engine-error'],
])('status %d, %s: %s', (statusCode, message, code) => {
  expect(translateError({ statusCode, json: { message } }, 'doing').code).toBe(code)
})

import { expect, test } from 'vitest'
import { agentConfigSchema } from '../../agent/config.ts'

const read = (settings: object) =>
  agentConfigSchema.safeParse({ device: 'gw-1', broker: 'mqtt://broker.local', ...settings })

test.each([
  [{ 'docker.io': ['site.example'], '*': ['10.0.0.1:5000/cache/hub', 'localhost', 'site:5000'] }],
  [{ 'registry:5000': [] }],
])('mirrors: %j', (registryMirrors) => {
  expect(read({ registryMirrors }).data).toMatchObject({ registryMirrors, pullStallS: 120 })
})

test.each([
  [{ 'docker.io': ['https://site.example'] }],
  // An engine would take it for a folder of Docker Hub.
  [{ 'docker.io': ['site'] }],
  [{ 'docker.io': ['site.example/'] }],
  [{ 'https://docker.io': ['site.example'] }],
  [{ hub: ['site.example'] }],
  // No image is of a registry of this name: it would do nothing.
  [{ 'index.docker.io': ['site.example'] }],
  [{ 'docker.io': 'site.example' }],
])('no mirrors: %j', (registryMirrors) => {
  expect(read({ registryMirrors }).success).toBe(false)
})

/** The templates, run by the engine that Home Assistant runs them with: Jinja2, with what it gives a template of MQTT. */
import { spawn } from 'node:child_process'
import { expect, test } from 'vitest'
import { componentsOf } from '../../src/home-assistant/components.ts'
import { discoveryOf } from '../../src/home-assistant/discovery.ts'
import { topicsUnder } from '../../src/protocol/topics.ts'
import { bridgeStatusOf, digest, reportedOf, statusOf, telemetryOf } from '../exporter/messages.ts'

/** As Home Assistant: a payload that is JSON is there as value_json, another one is not. */
const program = `
import json, sys
from jinja2.sandbox import ImmutableSandboxedEnvironment
answers = []
for template, payload in json.load(sys.stdin):
    variables = {"value": payload}
    try:
        variables["value_json"] = json.loads(payload)
    except ValueError:
        pass
    answers.append(ImmutableSandboxedEnvironment().from_string(template).render(variables).strip())
print(json.dumps(answers))
`

const render = (pairs: readonly (readonly [template: unknown, payload: Buffer | string])[]): Promise<string[]> =>
  new Promise((resolve, reject) => {
    // Debian's own: the one that has the package.
    const child = spawn('/usr/bin/python3', ['-c', program])
    let [stdout, stderr] = ['', '']
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk.toString()
    })
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString()
    })
    child.once('error', reject)
    child.once('close', (code) => (code === 0 ? resolve(JSON.parse(stdout)) : reject(new Error(stderr))))
    child.stdin.end(JSON.stringify(pairs.map(([template, payload]) => [template, payload.toString()])))
  })

const topics = topicsUnder('longshore')

test('templates give a state for what a message holds, and nothing for what it lacks', async () => {
  const metrics = ['disk./var/lib.freeBytes']
  const input = { topics, device: 'gw-1', via: ['plant1'], apps: ['shop'], metrics }
  const components = componentsOf(input)
  const { availability } = discoveryOf({ ...input, inventory: undefined, before: undefined })
  const [byStatus, byBridge] = availability.map((one) => one.value_template)
  const of = (id: string) => Object.entries(components).find(([name]) => name.startsWith(id))?.[1] ?? { platform: '' }
  const { problem, app_shop: update, phase_shop: phase, cpuPercent: cpu } = components
  const host = telemetryOf({ cpuPercent: 0, 'disk./var/lib.freeBytes': 7 })
  const failing = statusOf({ health: { verdict: 'failing', since: 1, reasons: [] } })
  const release = digest.slice(0, 19)
  const cases: [unknown, Buffer | string, string][] = [
    [cpu?.value_template, host, '0'],
    [cpu?.value_template, telemetryOf({ load1: 1 }), ''],
    [of('metric_disk').value_template, host, '7'],
    [problem?.value_template, failing, 'ON'],
    [problem?.value_template, statusOf({ health: { verdict: 'ok', since: 1, reasons: [] } }), 'OFF'],
    [problem?.value_template, statusOf({ online: false }), ''],
    [problem?.json_attributes_template, statusOf({ online: false }), '{}'],
    [byStatus, statusOf(), 'online'],
    [byStatus, statusOf({ online: false }), 'offline'],
    [byStatus, '', 'offline'],
    [byBridge, bridgeStatusOf('plant1', true), 'online'],
    [byBridge, bridgeStatusOf('plant1', false), 'offline'],
    [update?.value_template, reportedOf('shop'), `{"installed_version": "${release}"}`],
    [update?.value_template, reportedOf('shop', { running: null }), ''],
    [update?.latest_version_template, JSON.stringify({ release: digest }), release],
    [update?.latest_version_template, JSON.stringify({ remove: true }), ''],
    [update?.latest_version_template, '', ''],
    [phase?.value_template, reportedOf('shop', { phase: 'rolling-back' }), 'rolling-back'],
  ]
  const rendered = await render(cases.map(([template, payload]) => [template, payload] as const))
  expect(rendered).toEqual(cases.map(([, , expected]) => expected))
})

import { expect, test } from 'vitest'
import type { Site } from '../../agent/allot/site.ts'
import { label } from '../../agent/translate/engine-names.ts'
import {
  assignment,
  committed,
  container,
  observing,
  planInput,
  planned,
  serviceModel,
  texts,
  underWay,
  waits,
} from '../support/builders.ts'
import { siteOf } from '../support/sites.ts'

const deployment = assignment(serviceModel({ web: { gpus: [{}] } }))
const gpu = { vendor: 'intel', nodes: ['/dev/dri/renderD128'] }
const withGpu = siteOf({ devices: [{ class: 'gpu', name: 'renderD128', node: '/dev/dri/renderD128', gpu }] })

const seen = (site: Site, state?: 'running' | 'exited', lost: readonly string[] = []) => ({
  ...observing(deployment.compose, state === undefined ? [] : [container(deployment, 'web', { state })]),
  site,
  lostGpus: new Set(lost),
})

const absent = 'gpu-missing: service web asks for a GPU, and this device has none'

test('a container is made with its GPU, and the plan says how it gets it', () => {
  const { operations } = planned(planInput(underWay(deployment), seen(withGpu)))
  const create = operations.find((operation) => operation.kind === 'create-container')
  expect(create).toMatchObject({
    cause: 'service web is new; GPU as /dev/dri/renderD128',
    spec: { devices: [{ source: '/dev/dri/renderD128' }] },
  })
})

test('where the GPU went since the app was taken, nothing is made or started, and what runs is left alone', () => {
  const none = planned(planInput(underWay(deployment), seen(siteOf())))
  expect([texts(none), waits(none)]).toEqual([[], [absent]])
  const ended = planned(planInput(committed(deployment), seen(siteOf(), 'exited')))
  expect([texts(ended), waits(ended)]).toEqual([[], [absent]])
  const running = planned(planInput(committed(deployment), seen(siteOf(), 'running')))
  expect([texts(running), waits(running)]).toEqual([[], []])
})

test('an engine that learns another way recreates nothing', () => {
  const byCdi = { ...withGpu, engine: { runtimes: [], hasCdi: true, hasGpuRequests: true } }
  expect(texts(planned(planInput(committed(deployment), seen(byCdi, 'running'))))).toEqual([])
})

test('a container that lost its GPU is made anew beside the one that runs', () => {
  const running = container(deployment, 'web', { state: 'running' })
  const { operations } = planned(planInput(committed(deployment), seen(withGpu, 'running', [running.id])))
  expect(operations).toMatchObject([
    {
      kind: 'create-container',
      target: 'shop-web-1.next',
      cause: 'service web lost its GPU; GPU as /dev/dri/renderD128',
      spec: { labels: { [label.digest]: running.labels[label.digest] } },
    },
  ])
})

import { expect, test } from 'vitest'
import { foresee } from '../../agent/reconcile/foresee.ts'
import {
  assignment,
  committed,
  container,
  image,
  nothing,
  observing,
  planInput,
  removal,
  serviceModel,
  texts,
  turns,
  underWay,
} from '../support/builders.ts'

const before = assignment(serviceModel({ web: {}, old: {} }), 1)
const after = assignment(serviceModel({ web: { environment: { A: '1' } } }), 2)
const observed = observing(after.compose, [container(before, 'web'), container(before, 'old')])

test('a first deployment is foreseen as the planner does it', () => {
  const input = planInput(underWay(after), nothing)
  expect(texts(foresee(input))).toEqual(turns(input).flat())
})

test('an update is foreseen to its end, with what goes after the commit', () => {
  expect(foresee(planInput(underWay(after, before), observed))).toMatchObject({ pulls: [], waits: [], kept: [] })
  expect(texts(foresee(planInput(underWay(after, before), observed)))).toEqual([
    'create-container shop-web-1.next',
    'stop-container shop-web-1',
    'start-container shop-web-1.next',
    'remove-container shop-web-1',
    'rename-container shop-web-1.next to shop-web-1',
    'stop-container shop-old-1',
    'remove-container shop-old-1',
  ])
})

test('an image that is not here is pulled first, and what follows is foreseen too', () => {
  const record = underWay(after)
  const input = planInput(
    { ...record, ...(record.accepted && { accepted: { ...record.accepted, images: {} } }) },
    nothing,
    {
      images: { [image]: null },
    },
  )
  const result = foresee(input)
  expect(result.pulls).toEqual([image])
  expect(texts(result).at(-1)).toBe('start-container shop-web-1')
})

test('jobs and health are foreseen in the best case', () => {
  const model = serviceModel({
    job: { restart: 'no' },
    db: { healthcheck: { test: ['CMD', 'true'] } },
    web: { depends_on: { job: { condition: 'service_completed_successfully' }, db: { condition: 'service_healthy' } } },
  })
  expect(texts(foresee(planInput(underWay(assignment(model)), nothing))).at(-1)).toBe('start-container shop-web-1')
})

test('what keeps it from going on is said', () => {
  const foreign = { ...nothing, networks: [{ id: 'n', name: 'shop_default', labels: {} }] }
  expect(foresee(planInput(underWay(after), foreign))).toMatchObject({
    operations: [],
    waits: [{ code: 'name-in-use' }],
  })
})

test('nothing is foreseen where all is as wanted', () => {
  const record = committed(before)
  expect(foresee(planInput(record, observing(before.compose, observed.containers)))).toEqual({
    operations: [],
    pulls: [],
    waits: [],
    kept: [],
  })
})

test('a removal is foreseen to its end', () => {
  expect(texts(foresee(planInput(underWay(removal(), before), observed))).at(-1)).toBe('remove-network shop_default')
})

test('what was given is not changed', () => {
  const input = planInput(underWay(after, before), observed)
  const copy = structuredClone(input)
  foresee(input)
  expect(input).toEqual(copy)
})

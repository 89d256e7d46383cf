import { describe, expect, test } from 'vitest'
import { type GpuGrant, gpuFault, grantGpus } from '../../../agent/allot/grant-gpus.ts'
import type { SiteEngine } from '../../../agent/allot/site.ts'
import { createBody } from '../../../agent/engine/docker-create-body.ts'
import { specDigest } from '../../../agent/translate/spec-digest.ts'
import { translateService } from '../../../agent/translate/translate-service.ts'
import { modelOf } from '../../compose/support.ts'
import { amd } from '../../fixtures/hosts/amd.ts'
import { jetsonOrin } from '../../fixtures/hosts/jetson-orin.ts'
import { nothing } from '../../fixtures/hosts/nothing.ts'
import { nucCoral } from '../../fixtures/hosts/nuc-coral.ts'
import { twoNvidia, uuids } from '../../fixtures/hosts/two-nvidia.ts'
import { owner } from '../../support/builders.ts'
import { cdiEngine, nvidiaEngine, plainEngine, siteOf, siteOfHost } from '../../support/sites.ts'

type Tree = Readonly<Record<string, string>>

const modelWith = (keys: string) => modelOf(`services:\n  app:\n    image: nginx\n    ${keys}\n`)

const gigabytes = 1024 ** 3

/** The second GPU has more memory. */
const told = {
  nvidia: () => ({
    cudaVersion: '12.2',
    gpus: [
      { uuid: uuids[0], memoryBytes: 8 * gigabytes, computeCapability: '8.6' },
      { uuid: uuids[1], memoryBytes: 24 * gigabytes, computeCapability: '8.6' },
    ],
  }),
}

const decide = async (keys: string, tree: Tree, engine: SiteEngine) => {
  const service = modelWith(keys).services.app
  if (service === undefined) throw new Error('no service')
  return grantGpus('app', service, await siteOfHost(tree, engine, told))
}

const granted = async (keys: string, tree: Tree, engine: SiteEngine): Promise<GpuGrant> => {
  const result = await decide(keys, tree, engine)
  if (result === undefined || !('grant' in result)) throw new Error(JSON.stringify(result))
  return result.grant
}

const refusal = async (keys: string, tree: Tree, engine: SiteEngine): Promise<string> => {
  const result = await decide(keys, tree, engine)
  if (result === undefined || !('missing' in result)) throw new Error(JSON.stringify(result))
  expect(result.missing.code).toBe('gpu-missing')
  return result.missing.message
}

/** `twoNvidia` without its files of the Container Device Interface. */
const withoutCdi: Tree = Object.fromEntries(Object.entries(twoNvidia).filter(([path]) => !path.includes('/cdi/')))

/** What `nvidia-ctk cdi generate` writes on a Jetson. */
const jetsonCdi: Tree = {
  ...jetsonOrin,
  'etc/cdi/nvidia.yaml': 'kind: nvidia.com/gpu\ndevices:\n  - name: all\n  - name: "0"\n',
}

const reserved = (device: string): string => `deploy: {resources: {reservations: {devices: [${device}]}}}`

describe('the way is the first that engine and GPU both know', () => {
  test.each<[string, string, Tree, SiteEngine, string]>([
    ['CDI: all', 'gpus: all', twoNvidia, cdiEngine, 'by CDI nvidia.com/gpu=all'],
    ['CDI before requests', 'gpus: all', twoNvidia, { ...nvidiaEngine, hasCdi: true }, 'by CDI nvidia.com/gpu=all'],
    ['CDI: one', 'gpus: [{count: 1}]', twoNvidia, cdiEngine, 'by CDI nvidia.com/gpu=0'],
    ['CDI: by number', 'gpus: [{device_ids: ["1"]}]', twoNvidia, cdiEngine, 'by CDI nvidia.com/gpu=1'],
    ['CDI: by UUID', `gpus: [{device_ids: ["${uuids[1]}"]}]`, twoNvidia, cdiEngine, 'by CDI nvidia.com/gpu=1'],
    ['CDI: by name', 'devices: ["nvidia.com/gpu=1"]', twoNvidia, cdiEngine, 'by CDI nvidia.com/gpu=1'],
    ['CDI on a Jetson', 'gpus: all', jetsonCdi, { ...nvidiaEngine, hasCdi: true }, 'by CDI nvidia.com/gpu=all'],
    ['the runtime of a Jetson', 'gpus: all', jetsonOrin, nvidiaEngine, 'by the runtime nvidia'],
    ['requests', 'gpus: all', withoutCdi, nvidiaEngine, 'by a request to the engine for all'],
    ['requests where CDI is switched off', 'gpus: all', twoNvidia, nvidiaEngine, 'by a request to the engine for all'],
    ['requests: some', 'gpus: [{count: 1}]', withoutCdi, nvidiaEngine, 'by a request to the engine for 1'],
    [
      'a slice of a GPU',
      'gpus: [{device_ids: ["0:1"]}]',
      withoutCdi,
      nvidiaEngine,
      'by a request to the engine for 0:1',
    ],
    ['nodes of AMD', 'gpus: all', amd, plainEngine, 'as /dev/dri/renderD128, /dev/kfd'],
    ['nodes of Intel', reserved('{capabilities: [gpu]}'), nucCoral, plainEngine, 'as /dev/dri/renderD128'],
  ])('%s', async (_, keys, tree, engine, text) => {
    expect((await granted(keys, tree, engine)).text).toBe(text)
  })

  test('nothing is decided where none is asked for, or while the engine has not answered', async () => {
    expect(await decide('tty: true', twoNvidia, nvidiaEngine)).toBeUndefined()
    expect(await decide(reserved('{capabilities: [tpu], driver: coral}'), nothing, plainEngine)).toBeUndefined()
    const service = modelWith('gpus: all').services.app
    const site = { ...(await siteOfHost(nothing, plainEngine)), engine: undefined }
    expect(service && grantGpus('app', service, site)).toBeUndefined()
  })
})

describe('what a GPU must be makes the choice', () => {
  const needs = (text: string): string => `x-longshore: {gpu: ${text}}`

  test.each<[string, string]>([
    ['{ memory: 16g }', uuids[1]],
    ['{ memory: 6g }', uuids[0]],
    ['{ cuda: ">=12", computeCapability: ">=8" }', uuids[0]],
  ])('%s, without gpus', async (text, uuid) => {
    const { requests } = await granted(needs(text), withoutCdi, nvidiaEngine)
    expect(requests).toEqual([{ driver: '', count: 0, ids: [uuid], capabilities: ['gpu'], options: {} }])
  })

  test('with gpus: all, all that fit', async () => {
    const keys = (memory: string) => `${needs(`{ memory: ${memory} }`)}\n    gpus: all`
    expect((await granted(keys('6g'), withoutCdi, nvidiaEngine)).requests[0]?.ids).toEqual([...uuids])
    expect((await granted(keys('16g'), withoutCdi, nvidiaEngine)).requests[0]?.ids).toEqual([uuids[1]])
    expect((await granted(keys('16g'), twoNvidia, cdiEngine)).text).toBe('by CDI nvidia.com/gpu=1')
  })

  test('a request that says enough by itself is left as it was written', async () => {
    const [request] = (
      await granted(
        `${needs('{ vendor: nvidia }')}\n    ${reserved('{driver: nvidia, capabilities: [gpu, video], options: {a: b}}')}`,
        withoutCdi,
        nvidiaEngine,
      )
    ).requests
    expect(request).toEqual({
      driver: 'nvidia',
      count: -1,
      ids: [],
      capabilities: ['gpu', 'video'],
      options: { a: 'b' },
    })
  })
})

describe('what cannot be had is refused in one sentence, with what there is', () => {
  const described =
    'nvidia0 (NVIDIA GeForce RTX 3090, 8.0 GiB, CUDA 12.2, compute capability 8.6), nvidia1 (NVIDIA GeForce RTX 3090, 24.0 GiB, CUDA 12.2, compute capability 8.6)'
  test.each<[string, Tree, SiteEngine, string]>([
    ['gpus: all', nothing, plainEngine, 'a GPU, and this device has none'],
    ['gpus: [{count: 3}]', twoNvidia, cdiEngine, `3 GPUs, and this device has ${described}`],
    ['gpus: [{device_ids: ["0", "7"]}]', twoNvidia, cdiEngine, `GPU 0, 7, and this device has ${described}`],
    [
      'x-longshore: {gpu: {count: 2, memory: 16g, cuda: ">=12"}}',
      twoNvidia,
      cdiEngine,
      `2 GPUs with 16.0 GiB of memory and CUDA >=12, and this device has ${described}`,
    ],
    ['x-longshore: {gpu: {vendor: amd}}', twoNvidia, cdiEngine, `a GPU of amd, and this device has ${described}`],
    [
      'x-longshore: {gpu: {memory: 1g}}',
      jetsonOrin,
      nvidiaEngine,
      'a GPU with 1.0 GiB of memory, and this device has igpu0 (NVIDIA Jetson AGX Orin Developer Kit)',
    ],
    [
      'gpus: all',
      twoNvidia,
      plainEngine,
      `a GPU, and this device has ${described}, for which its engine has neither CDI nor the runtime of NVIDIA`,
    ],
    [
      'devices: ["nvidia.com/gpu=7"]',
      twoNvidia,
      cdiEngine,
      'nvidia.com/gpu=7, and this device has nvidia.com/gpu=0, nvidia.com/gpu=1, nvidia.com/gpu=all, vendor.example/nic=eth2',
    ],
    ['devices: ["nvidia.com/gpu=0"]', nothing, cdiEngine, 'nvidia.com/gpu=0, and this device has no CDI device'],
    [
      'devices: ["nvidia.com/gpu=0"]',
      twoNvidia,
      nvidiaEngine,
      'nvidia.com/gpu=0, and the engine of this device has no CDI switched on',
    ],
  ])('%s', async (keys, tree, engine, text) => {
    expect(await refusal(keys, tree, engine)).toBe(`service app asks for ${text}`)
  })

  test('a GPU that does not tell yet does not fit, and does once it has told', async () => {
    const model = modelWith('x-longshore: {gpu: {memory: 6g}}')
    expect(gpuFault(model, await siteOfHost(twoNvidia, cdiEngine))).toMatchObject({
      code: 'gpu-missing',
      path: 'compose.services.app.x-longshore.gpu',
    })
    expect(gpuFault(model, await siteOfHost(twoNvidia, cdiEngine, told))).toBeUndefined()
  })
})

describe('what the policy lets nobody have is not handed over', () => {
  const decideWith = async (keys: string, tree: Tree, engine: SiteEngine, refused: readonly string[]) => {
    const service = modelWith(keys).services.app
    return service && grantGpus('app', service, { ...(await siteOfHost(tree, engine, told)), refused })
  }

  test('a node', async () => {
    expect(await decideWith('gpus: all', amd, plainEngine, ['/dev/kfd'])).toEqual({
      missing: {
        code: 'policy-refused',
        message:
          'service app asks for a GPU, which the policy of this device does not allow as /dev/dri/renderD128, /dev/kfd',
        path: 'compose.services.app.gpus[0]',
      },
    })
  })

  test('a name of CDI, by itself or among all', async () => {
    const one = await decideWith('gpus: [{count: 1}]', twoNvidia, cdiEngine, ['nvidia.com/gpu=1'])
    expect(one).toMatchObject({ grant: { text: 'by CDI nvidia.com/gpu=0' } })
    const all = await decideWith('gpus: all', twoNvidia, cdiEngine, ['nvidia.com/gpu=1'])
    expect(all).toMatchObject({ missing: { code: 'policy-refused' } })
  })
})

describe('of the container', () => {
  const bodyOf = async (keys: string, tree: Tree, engine: SiteEngine) => {
    const model = modelWith(keys)
    const service = model.services.app
    if (service === undefined) throw new Error('no service')
    const spec = translateService({
      ...{ owner, app: 'a', model, name: 'app', service, number: 1, imageId: 'sha256:1', generation: 1, release: 'r' },
      ...{ digest: specDigest(model, 'app', service, 'sha256:1'), cause: 'test', files: {}, secretVersions: {} },
      paths: { release: '/r', data: '/d', secrets: '/s', run: '/run' } as never,
      gpus: await granted(keys, tree, engine),
    })
    return createBody('x', spec, '1.41')
  }

  test('CDI is one request of names', async () => {
    const body = await bodyOf('devices: ["vendor.example/nic=eth2"]\n    gpus: all', twoNvidia, cdiEngine)
    expect(body.HostConfig?.DeviceRequests).toMatchObject([
      { Driver: 'cdi', DeviceIDs: ['vendor.example/nic=eth2', 'nvidia.com/gpu=all'] },
    ])
    expect(body.HostConfig?.Devices ?? []).toEqual([])
  })

  test('a Jetson gets its runtime and no request', async () => {
    const body = await bodyOf('gpus: all', jetsonOrin, nvidiaEngine)
    expect(body.HostConfig).toMatchObject({ Runtime: 'nvidia' })
    expect(body.HostConfig?.DeviceRequests).toBeUndefined()
    expect(body.Env).toEqual(['NVIDIA_VISIBLE_DEVICES=all'])
    const own = await bodyOf('gpus: all\n    environment: {NVIDIA_VISIBLE_DEVICES: none}', jetsonOrin, nvidiaEngine)
    expect(own.Env).toEqual(['NVIDIA_VISIBLE_DEVICES=none'])
  })

  test('AMD gets its nodes and their group, beside what the service names itself', async () => {
    const body = await bodyOf('gpus: all\n    group_add: [audio]\n    devices: [/dev/kfd, /dev/snd]', amd, plainEngine)
    expect(body.HostConfig?.Devices?.map((device: { PathOnHost: string }) => device.PathOnHost)).toEqual([
      '/dev/kfd',
      '/dev/snd',
      '/dev/dri/renderD128',
    ])
    expect(body.HostConfig?.GroupAdd?.[0]).toBe('audio')
    expect(body.HostConfig?.DeviceRequests).toBeUndefined()
  })

  test('a user that is not root gets the group of the node', () => {
    const gpu = { vendor: 'intel', nodes: ['/dev/dri/card0', '/dev/dri/renderD128'] }
    const device = { class: 'gpu', name: 'renderD128', node: '/dev/dri/renderD128', gid: 105, gpu }
    const decided = grantGpus('app', { image: 'x', gpus: [{}] }, siteOf({ devices: [device] }))
    expect(decided).toMatchObject({ grant: { groups: ['105'], devices: [{ source: '/dev/dri/renderD128' }] } })
  })

  test('the digest is of what was written, whatever the way', () => {
    const digestOf = (keys: string): string => {
      const model = modelWith(keys)
      return specDigest(model, 'app', model.services.app as never, 'sha256:1')
    }
    const needs = (text: string) => digestOf(`x-longshore: {gpu: ${text}}`)
    expect(needs('{ memory: 6g, recreateWhenLost: true }')).toBe(needs('{ memory: 6g }'))
    expect(needs('{ memory: 6g }')).not.toBe(needs('{ memory: 8g }'))
    expect(needs('{}')).not.toBe(digestOf('tty: false'))
  })
})

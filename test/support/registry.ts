/** A registry of one test, and images put into it without an engine: any platform, any layers. */
import { spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { onTestFinished } from 'vitest'
import { readBusybox } from '../../src/engine-setup/busybox.ts'
import { writeTar } from '../../src/engine-setup/tar.ts'
import { docker } from './agents.ts'
import { eventually } from './eventually.ts'
import { findFreePort } from './mosquitto.ts'

export type TestRegistry = {
  /** as `127.0.0.1:5000` */
  readonly host: string
  readonly stop: () => Promise<void>
  readonly push: (repository: string, tag: string, image: TestImage) => Promise<PushedImage>
  /** Makes the tag a manifest list of these. */
  readonly pushIndex: (
    repository: string,
    tag: string,
    images: readonly { readonly image: PushedImage; readonly platform: string }[],
  ) => Promise<void>
}

/** Each file is a layer of its own; the first layer is a userland. */
export type TestImage = {
  readonly files?: readonly { readonly name: string; readonly content: Buffer }[]
  /** default: that of this machine */
  readonly platform?: string
}

export type PushedImage = { readonly digest: string; readonly sizeBytes: number; readonly layers: readonly string[] }

/** Of a private registry: user `gateway` with the password `s3cret`. */
const account = 'gateway:$2y$05$Eal0HuC.ZvFZ8Wc/qIb8qO2MiX5475lsMhcna9I4clpE.hH9SWEGG'
const authorization = `Basic ${Buffer.from('gateway:s3cret').toString('base64')}`

export const machinePlatform = `linux/${process.arch === 'x64' ? 'amd64' : process.arch}`

/** A file that no compression makes smaller, and nobody has seen before. */
export const newFile = (name: string, sizeBytes: number) => ({ name, content: randomBytes(sizeBytes) })

export const startRegistry = async ({ isPrivate = false } = {}): Promise<TestRegistry> => {
  const folder = await mkdtemp(join(tmpdir(), 'longshore-registry-'))
  const port = await findFreePort()
  const host = `127.0.0.1:${port}`
  await writeFile(join(folder, 'htpasswd'), `${account}\n`)
  const auth = isPrivate ? `auth: {htpasswd: {realm: test, path: ${join(folder, 'htpasswd')}}}\n` : ''
  await writeFile(
    join(folder, 'config.yml'),
    `version: 0.1
storage: {filesystem: {rootdirectory: ${join(folder, 'data')}}}
http: {addr: "${host}"}
${auth}`,
  )
  const child = spawn('docker-registry', ['serve', join(folder, 'config.yml')], { stdio: 'ignore' })
  const stop = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill()
    await exited
  }
  onTestFinished(async () => {
    await stop()
    await rm(folder, { recursive: true, force: true })
    await removeImagesOf(host)
  })
  const awaited = isPrivate ? 401 : 200
  await eventually('the registry to answer', async () => (await fetch(`http://${host}/v2/`)).status === awaited)

  const request = async (path: string, init: RequestInit): Promise<Response> => {
    const url = path.startsWith('http') ? path : `http://${host}${path}`
    const response = await fetch(url, { ...init, headers: { ...init.headers, authorization } })
    if (!response.ok) throw new Error(`${init.method} ${path}: ${response.status} ${await response.text()}`)
    return response
  }

  const pushBlob = async (repository: string, content: Buffer): Promise<string> => {
    const digest = digestOf(content)
    const begun = await request(`/v2/${repository}/blobs/uploads/`, { method: 'POST' })
    const location = begun.headers.get('location') ?? ''
    await request(`${location}${location.includes('?') ? '&' : '?'}digest=${encodeURIComponent(digest)}`, {
      method: 'PUT',
      headers: { 'content-type': 'application/octet-stream' },
      body: new Uint8Array(content),
    })
    return digest
  }

  const pushManifest = async (repository: string, name: string, manifest: object & { mediaType: string }) => {
    const content = Buffer.from(JSON.stringify(manifest))
    await request(`/v2/${repository}/manifests/${name}`, {
      method: 'PUT',
      headers: { 'content-type': manifest.mediaType },
      body: new Uint8Array(content),
    })
    return { digest: digestOf(content), sizeBytes: content.length }
  }

  return {
    host,
    stop,
    push: async (repository, tag, { files = [], platform = machinePlatform }) => {
      const [os = '', architecture = '', variant] = platform.split('/')
      const archives = [
        await userland(),
        ...files.map(({ name, content }) => writeTar([{ kind: 'file', path: name, mode: 0o644, content }])),
      ]
      const config = Buffer.from(
        JSON.stringify({
          os,
          architecture,
          ...(variant === undefined ? {} : { variant }),
          config: { Env: ['PATH=/bin'], Cmd: ['sh'] },
          rootfs: { type: 'layers', diff_ids: archives.map(digestOf) },
        }),
      )
      const blobs = archives.map((archive) => gzipSync(archive, { level: 1 }))
      const layers: string[] = []
      for (const blob of blobs) layers.push(await pushBlob(repository, blob))
      const manifest = {
        schemaVersion: 2,
        mediaType: 'application/vnd.docker.distribution.manifest.v2+json',
        config: {
          mediaType: 'application/vnd.docker.container.image.v1+json',
          size: config.length,
          digest: await pushBlob(repository, config),
        },
        layers: blobs.map((blob, index) => ({
          mediaType: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
          size: blob.length,
          digest: layers[index],
        })),
      }
      return { ...(await pushManifest(repository, tag, manifest)), layers }
    },
    pushIndex: async (repository, tag, images) => {
      await pushManifest(repository, tag, {
        schemaVersion: 2,
        mediaType: 'application/vnd.docker.distribution.manifest.list.v2+json',
        manifests: images.map(({ image, platform }) => {
          const [os, architecture, variant] = platform.split('/')
          return {
            mediaType: 'application/vnd.docker.distribution.manifest.v2+json',
            size: image.sizeBytes,
            digest: image.digest,
            platform: { os, architecture, ...(variant === undefined ? {} : { variant }) },
          }
        }),
      } as { mediaType: string })
    },
  }
}

const digestOf = (content: Buffer): string => `sha256:${createHash('sha256').update(content).digest('hex')}`

let madeUserland: Buffer | undefined

const userland = async (): Promise<Buffer> => {
  if (madeUserland !== undefined) return madeUserland
  const { binary } = await readBusybox()
  madeUserland = writeTar([
    { kind: 'directory', path: 'bin', mode: 0o755 },
    { kind: 'file', path: 'bin/busybox', mode: 0o755, content: binary },
    ...['sh', 'sleep'].map((name) => ({ kind: 'symlink' as const, path: `bin/${name}`, target: 'busybox' })),
  ])
  return madeUserland
}

/** Every name of this registry on the shared engine. */
export const removeImagesOf = async (host: string): Promise<void> => {
  const engine = docker()
  for (const { RepoTags, RepoDigests } of await engine.listImages())
    for (const name of [...(RepoTags ?? []), ...(RepoDigests ?? [])].filter((name) => name.startsWith(`${host}/`)))
      await engine
        .getImage(name)
        .remove({ force: true })
        .catch(() => undefined)
}

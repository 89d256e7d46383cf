import { expect, test } from 'vitest'
import { findEngineUrl } from '../../agent/engine/find-engine.ts'

const [docker, podman, own] = ['/var/run/docker.sock', '/run/podman/podman.sock', '/run/user/1000/podman/podman.sock']
const user = { XDG_RUNTIME_DIR: '/run/user/1000' }

test.each([
  ['what DOCKER_HOST says', { ...user, DOCKER_HOST: 'tcp://box:2375' }, [docker, podman, own], 'tcp://box:2375'],
  ['Docker before Podman', { ...user, DOCKER_HOST: '' }, [own, podman, docker], `unix://${docker}`],
  ['Podman of root', user, [own, podman], `unix://${podman}`],
  ['Podman of the user', user, [own], `unix://${own}`],
  ['no Podman of a user without a runtime folder', {}, [own], `unix://${docker}`],
  ['where Docker will be, if there is none yet', user, [], `unix://${docker}`],
])('the engine is %s', (_, environment, there, url) => {
  expect(findEngineUrl(environment, (path) => there.includes(path))).toBe(url)
})

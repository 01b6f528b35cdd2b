"""The Kubernetes manifests: they build, and fit the schemas, each other and the server."""

import copy
import functools
import json
import os
import pathlib
import re
import shutil
import subprocess
import unittest

import certificates
import swoosh_server
import test_main
import yaml
from swoosh.v1 import orchestrator_pb2
from swoosh_api import refusal_of

DEPLOY = swoosh_server.ROOT / "deploy"
RULES = DEPLOY / "prometheus/swoosh.rules.yaml"
OPERATING = swoosh_server.ROOT / "server/OPERATING.md"
WITH_TLS = ("overlays/tls", "overlays/tls-prometheus-operator")
MEMBERS = ("base", "overlays/single-node", "overlays/prometheus-operator", *WITH_TLS)
KUBECTL = shutil.which("kubectl")
NODE = os.environ.get("SWOOSH_NODE")
NODE_MODULES = os.environ.get("SWOOSH_NODE_MODULES")
SECONDS_MAX = 120
# What Kubernetes needs besides the server's drain, at least.
GRACE_MARGIN_SECONDS = 10
STARTUP_SECONDS_MIN = 3600


@functools.cache
def source():
    """The manifests as plain files: kustomize follows no link that leads out of its folder."""
    folder = swoosh_server.temporary_folder() / "kubernetes"
    shutil.copytree(DEPLOY / "kubernetes", folder)
    return folder


@functools.cache
def objects(member):
    """The objects of a member of MEMBERS, as dicts."""
    done = subprocess.run(
        [KUBECTL, "kustomize", source() / member],
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        env={"HOME": str(source()), "PATH": "/usr/bin:/bin"},
    )
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


def problems(found):
    """What the schemas say against objects."""
    done = subprocess.run(
        [NODE, source() / "validate.js"],
        input=json.dumps(found),
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        env={"NODE_PATH": NODE_MODULES},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def of_kind(kind, found):
    return [each for each in found if each["kind"] == kind]


def matches(selector, labels):
    return bool(selector) and selector.items() <= labels.items()


@unittest.skipUnless(KUBECTL, "there is no kubectl")
class KubernetesTest(unittest.TestCase):
    def pod_of(self, found):
        (stateful_set,) = of_kind("StatefulSet", found)
        return stateful_set["spec"]["template"]

    @unittest.skipUnless(NODE and NODE_MODULES, "the npm packages are not installed")
    def test_every_overlay_fits_the_schemas(self):
        for found in map(objects, MEMBERS):
            self.assertGreater(len(found), 4)
            self.assertEqual(problems(found), [])

    @unittest.skipUnless(NODE and NODE_MODULES, "the npm packages are not installed")
    def test_the_schemas_find_a_wrong_type_a_missing_and_an_unknown_field(self):
        good = objects("overlays/prometheus-operator")
        for kind, path, value, expected in (
            ("StatefulSet", ("spec", "replicas"), "one", "must be integer"),
            ("StatefulSet", ("spec", "selector"), None, "selector"),
            ("StatefulSet", ("spec", "template", "spec", "gracePeriod"), 1, "gracePeriod"),
            ("ServiceMonitor", ("spec", "intervall"), "5s", "intervall"),
            ("PrometheusRule", ("spec", "groups", 0, "rules", 0, "exprr"), "up", "exprr"),
        ):
            with self.subTest(path):
                bad = copy.deepcopy(good)
                *parents, last = path
                field = functools.reduce(lambda at, key: at[key], parents, of_kind(kind, bad)[0])
                if value is None:
                    del field[last]
                else:
                    field[last] = value
                (problem,) = problems(bad)
                self.assertIn(expected, problem)

    def test_names_and_labels_fit_each_other(self):
        for found in map(objects, MEMBERS):
            (stateful_set,) = of_kind("StatefulSet", found)
            pod = stateful_set["spec"]["template"]
            labels = pod["metadata"]["labels"]
            services = {each["metadata"]["name"]: each for each in of_kind("Service", found)}
            self.assertEqual(set(services), {"swoosh", "swoosh-headless"})
            headless = services[stateful_set["spec"]["serviceName"]]
            self.assertEqual(headless["spec"]["clusterIP"], "None")
            (container,) = pod["spec"]["containers"]
            ports = {each["name"] for each in container["ports"]}
            for service in services.values():
                self.assertTrue(matches(service["spec"]["selector"], labels))
                targets = {each["targetPort"] for each in service["spec"]["ports"]}
                self.assertLessEqual(targets, ports)
            for selector in (
                stateful_set["spec"]["selector"],
                *(each["spec"]["selector"] for each in of_kind("PodDisruptionBudget", found)),
                *(each["spec"]["podSelector"] for each in of_kind("NetworkPolicy", found)),
            ):
                self.assertTrue(matches(selector["matchLabels"], labels))
            for monitor in of_kind("ServiceMonitor", found):
                self.check_monitor(monitor["spec"], headless, services.values())

    def check_monitor(self, monitor, expected, services):
        wanted = monitor["selector"]["matchLabels"]
        scraped = [each for each in services if matches(wanted, each["metadata"]["labels"])]
        self.assertEqual(scraped, [expected])
        (endpoint,) = monitor["endpoints"]
        self.assertIn(endpoint["port"], [each["name"] for each in expected["spec"]["ports"]])
        self.assertEqual(expected["metadata"]["labels"][monitor["jobLabel"]], "swoosh")

    def test_the_pod_keeps_to_the_restricted_standard(self):
        for found in map(objects, MEMBERS):
            pod = self.pod_of(found)["spec"]
            self.assertTrue(pod["securityContext"]["runAsNonRoot"])
            self.assertEqual(pod["securityContext"]["seccompProfile"], {"type": "RuntimeDefault"})
            self.assertEqual(pod["securityContext"]["fsGroup"], pod["securityContext"]["runAsUser"])
            self.assertFalse(pod["automountServiceAccountToken"])
            for container in pod["containers"]:
                self.assertEqual(
                    container["securityContext"],
                    {
                        "allowPrivilegeEscalation": False,
                        "capabilities": {"drop": ["ALL"]},
                        "readOnlyRootFilesystem": True,
                    },
                )
                self.assertIn("memory", container["resources"]["limits"])

    def test_no_address_but_loopback_goes_without_a_network_policy(self):
        for member in MEMBERS:
            found = objects(member)
            (container,) = self.pod_of(found)["spec"]["containers"]
            self.assertEqual("--insecure" in container["args"], member not in WITH_TLS)
            default = of_kind("NetworkPolicy", found)[0]["spec"]
            self.assertEqual(set(default["policyTypes"]), {"Ingress", "Egress"})
            (rule,) = default["ingress"]
            self.assertTrue(rule["from"])
            self.assertEqual([each["port"] for each in rule["ports"]], [7070])
            self.assertEqual(default["egress"], [])

    def test_the_grace_period_outlasts_the_drain_and_the_startup_probe_a_replay(self):
        (drain,) = re.findall(r"^\| 6 \| did not shut down in (\d+) s", OPERATING.read_text(), re.M)
        for found in map(objects, MEMBERS):
            pod = self.pod_of(found)["spec"]
            grace = pod["terminationGracePeriodSeconds"]
            self.assertGreaterEqual(grace, int(drain) + GRACE_MARGIN_SECONDS)
            (container,) = pod["containers"]
            probe = container["startupProbe"]
            seconds = probe["periodSeconds"] * probe["failureThreshold"]
            self.assertGreaterEqual(seconds, STARTUP_SECONDS_MIN)
            self.assertEqual(probe["httpGet"]["path"], "/readyz")

    def test_probes_and_scrapes_speak_tls_where_the_server_does(self):
        for member in MEMBERS:
            found = objects(member)
            (container,) = self.pod_of(found)["spec"]["containers"]
            expected = "HTTPS" if member in WITH_TLS else None
            for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
                self.assertEqual(container[probe]["httpGet"].get("scheme"), expected, member)
                self.assertEqual(container[probe]["httpGet"]["port"], "http")
            for monitor in of_kind("ServiceMonitor", found):
                (endpoint,) = monitor["spec"]["endpoints"]
                self.assertEqual(endpoint.get("scheme"), expected and "https", member)
                self.assertEqual(endpoint["interval"], "5s")
                self.assertEqual("tlsConfig" in endpoint, member in WITH_TLS)

    def test_one_server_and_one_pod_that_writes_the_volume(self):
        for member in MEMBERS:
            (stateful_set,) = of_kind("StatefulSet", objects(member))
            self.assertEqual(stateful_set["spec"]["replicas"], 1)
        (stateful_set,) = of_kind("StatefulSet", objects("base"))
        (claim,) = stateful_set["spec"]["volumeClaimTemplates"]
        self.assertEqual(claim["spec"]["accessModes"], ["ReadWriteOncePod"])

    def test_the_servers_flags_and_probes_are_those_of_a_real_server(self):
        (container,) = self.pod_of(objects("base"))["spec"]["containers"]
        (mount,) = container["volumeMounts"]
        flags = []
        for flag in container["args"]:
            name, _, value = flag.partition("=")
            self.assertTrue(name != "--data_dir" or value == mount["mountPath"], flag)
            if name not in ("--data_dir", "--listen", "--http"):
                flags.append(flag)
        server = swoosh_server.Server(*flags)
        self.addCleanup(server.close)
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            self.assertEqual(server.http(container[probe]["httpGet"]["path"])[0], 200, probe)
        ports = {each["name"]: each["containerPort"] for each in container["ports"]}
        self.assertIn(f"--listen=0.0.0.0:{ports['grpc']}", container["args"])
        self.assertIn(f"--http=0.0.0.0:{ports['http']}", container["args"])

    def test_with_tls_the_server_finds_each_file_in_a_secret_and_listens_encrypted(self):
        pod = self.pod_of(objects("overlays/tls"))["spec"]
        (container,) = pod["containers"]
        secrets = {each["name"] for each in pod["volumes"] if "secret" in each}
        folders = {
            each["mountPath"] for each in container["volumeMounts"] if each["name"] in secrets
        }
        files = dict(flag.split("=") for flag in container["args"] if "/etc/" in flag)
        self.assertEqual(set(files), {"--tls_cert", "--tls_key", "--tls_client_ca", "--auth"})
        self.assertEqual({str(pathlib.Path(path).parent) for path in files.values()}, folders)

        made = swoosh_server.temporary_folder()
        authority = certificates.Authority(made)
        certificate, key = authority.issue("server", "DNS:swoosh,IP:127.0.0.1")
        access = made / "access.json"
        access.write_text(
            '{"identities": [{"name": "ops", "role": "OPERATOR", "certificates": ["ops"]}]}'
        )
        secret = {"tls.crt": certificate, "tls.key": key, "ca.crt": authority.path}
        secret[access.name] = access
        server = swoosh_server.Server(
            *(f"{flag}={secret[pathlib.Path(path).name]}" for flag, path in files.items()),
            https=certificates.https(authority),
        )
        self.addCleanup(server.close)
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            self.assertEqual(server.http(container[probe]["httpGet"]["path"])[0], 200, probe)
        self.assertEqual(server.http("/metrics")[0], 401)
        in_the_clear = refusal_of(
            server.orchestrator.GetState, orchestrator_pb2.GetStateRequest(), timeout=10
        )
        self.assertEqual(in_the_clear.code.name, "UNAVAILABLE")

    @unittest.skipUnless(NODE and NODE_MODULES, "the npm packages are not installed")
    def test_the_restoring_pod_is_as_careful_and_no_service_finds_it(self):
        pod = yaml.safe_load((source() / "restore_pod.yaml").read_text())
        self.assertEqual(problems([pod]), [])
        found = objects("base")
        server = self.pod_of(found)["spec"]
        self.assertEqual(pod["spec"]["securityContext"], server["securityContext"])
        (container,), (serving,) = pod["spec"]["containers"], server["containers"]
        for field in ("image", "resources", "securityContext", "volumeMounts"):
            self.assertEqual(container[field], serving[field])
        for service in of_kind("Service", found):
            self.assertFalse(matches(service["spec"]["selector"], pod["metadata"]["labels"]))
        (stateful_set,) = of_kind("StatefulSet", found)
        (template,) = stateful_set["spec"]["volumeClaimTemplates"]
        claim = f"{template['metadata']['name']}-{stateful_set['metadata']['name']}-0"
        (volume,) = pod["spec"]["volumes"]
        self.assertEqual(volume["persistentVolumeClaim"], {"claimName": claim})


class PrometheusRuleTest(unittest.TestCase):
    def test_the_prometheus_rule_is_made_of_the_rules(self):
        maker = pathlib.Path("deploy/kubernetes/make_prometheus_rule.sh")
        made = subprocess.run(
            [swoosh_server.ROOT / maker], capture_output=True, text=True, timeout=SECONDS_MAX
        )
        self.assertEqual(made.returncode, 0, made.stderr)
        written = DEPLOY / "kubernetes/monitoring/prometheus_rule.yaml"
        self.assertEqual(written.read_text(), made.stdout, f"run {maker} again")
        self.assertEqual(yaml.safe_load(made.stdout)["spec"], yaml.safe_load(RULES.read_text()))


if __name__ == "__main__":
    test_main.run()

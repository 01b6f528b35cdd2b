"""The examples of three machines, each with its worker, played through under the manual clock."""

import unittest

import examples_play
import swoosh_api
import swoosh_ctl
import swoosh_server
import test_main

EXAMPLES = swoosh_server.ROOT / "examples"
MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR


class Played:
    """Plays an example once in peace, with `play`; the tests look at what came of it."""

    EXAMPLE = ""

    @classmethod
    def setUpClass(cls):
        cls.whole = examples_play.Play(cls.EXAMPLE)
        cls.addClassCleanup(cls.whole.close)
        cls.play(cls.whole, lambda: None)

    def assert_the_same_with(self, disturb):
        """`disturb(play)` comes in the middle of each step before which `play` says `middle()`."""
        play = examples_play.Play(self.EXAMPLE)
        self.addCleanup(play.close)
        self.play(play, lambda: play.disturb_next_step(disturb))
        self.assertEqual(play.state(), self.whole.state())
        play.server.kill()
        self.assertEqual(play.server.verify(), self.whole.state())


class OrderSagaTest(Played, unittest.TestCase):
    EXAMPLE = "order_saga"

    @staticmethod
    def play(play, middle):
        def order(name, sku="mug", total=20, ship_sla_s=2 * DAY):
            play.create(
                name, sku=sku, qty=1, total=total, ship_sla_s=ship_sla_s, reservation=None
            )

        order("good")
        order("sold_out", sku="lamp")
        order("silent_warehouse", sku="piano")
        order("declined", total=5000)
        order("third_attempt", total=403)
        middle()
        order("no_attempt", total=404)
        order("never_shipped", sku="anvil", ship_sla_s=HOUR)
        order("cancelled", sku="anvil")
        order("cancelled_early", sku="piano")
        play.send("cancelled", "cancel")
        play.send("cancelled_early", "cancel")
        play.advance(30)
        play.advance(30)
        middle()
        play.advance(MINUTE)
        play.advance(MINUTE)
        play.advance(HOUR)

    def test_an_order_is_reserved_charged_and_shipped(self):
        play = self.whole
        self.assertEqual(play.states("good"), ["done_ok"])
        self.assertEqual(play.output("good"), {"reservation": "good-mug"})
        names = [name for name, _ in play.emitted("good")]
        self.assertEqual(names, ["reserve_stock", "charge_card", "ship"])

    def test_what_is_sold_out_is_rejected_at_once(self):
        self.assertEqual(self.whole.states("sold_out"), ["rejected"])
        self.assertEqual(self.whole.emitted("sold_out"), [("reserve_stock", 0)])

    def test_a_warehouse_that_is_silent_for_30_seconds_is_a_rejection(self):
        changed = self.whole.instance("silent_warehouse")
        self.assertEqual(changed.configuration[-1], "rejected")
        self.assertEqual(changed.update_time.ToSeconds(), 30)

    def test_a_declined_card_gives_the_stock_back(self):
        names = [name for name, _ in self.whole.emitted("declined")]
        self.assertEqual(names, ["reserve_stock", "charge_card", "release_stock"])
        self.assertEqual(self.whole.states("declined"), ["rejected"])

    def test_a_silent_bank_is_asked_again_every_minute(self):
        charges = [each for each in self.whole.emitted("third_attempt") if "charge" in each[0]]
        self.assertEqual(charges, [("charge_card", 0), ("charge_card", 60), ("charge_card", 120)])
        self.assertEqual(self.whole.states("third_attempt"), ["done_ok"])
        self.assertEqual(self.whole.context("third_attempt")["charge_attempts"], 3)

    def test_after_the_third_attempt_it_is_undone(self):
        self.assertEqual(
            self.whole.emitted("no_attempt")[1:],
            [
                ("charge_card", 0),
                ("charge_card", 60),
                ("charge_card", 120),
                ("release_stock", 180),
            ],
        )
        self.assertEqual(self.whole.states("no_attempt"), ["rejected"])

    def test_a_late_carrier_costs_the_refund_and_the_release(self):
        self.assertEqual(
            self.whole.emitted("never_shipped")[2:],
            [("ship", 0), ("release_stock", HOUR), ("refund", HOUR)],
        )
        self.assertEqual(self.whole.states("never_shipped"), ["rejected"])

    def test_a_cancelled_order_is_undone_also_before_anything_was_reserved(self):
        self.assertEqual(self.whole.states("cancelled"), ["rejected"])
        self.assertIn(("release_stock", 0), self.whole.emitted("cancelled"))
        self.assertEqual(self.whole.states("cancelled_early"), ["rejected"])

    def test_a_kill_of_the_server_changes_nothing(self):
        self.assert_the_same_with(examples_play.Play.kill_server)

    def test_a_kill_of_the_worker_changes_nothing(self):
        self.assert_the_same_with(examples_play.Play.restart_worker)


class CiPipelineTest(Played, unittest.TestCase):
    EXAMPLE = "ci_pipeline"

    @staticmethod
    def play(play, middle):
        def pipeline(name, commit="c0ffee"):
            play.create(name, commit=commit, author="ann")

        pipeline("good")
        pipeline("breaks", "breaks-lint")
        middle()
        pipeline("hangs", "hangs-unit")
        pipeline("rejected")
        pipeline("undeployable", "breaks-deploy")
        pipeline("late")
        pipeline("forgotten")
        pipeline("cancelled", "hangs-lint")
        play.send("good", "approve")
        play.send("rejected", "reject")
        play.send("undeployable", "approve")
        play.send("cancelled", "cancel")
        play.advance(15 * MINUTE)
        play.advance(DAY)
        middle()
        play.send("late", "approve")
        play.advance(3 * DAY)

    def test_both_stages_pass_someone_approves_and_it_is_deployed(self):
        self.assertEqual(self.whole.states("good"), ["succeeded"])
        self.assertEqual(
            [name for name, _ in self.whole.emitted("good")], ["run_stage", "run_stage", "deploy"]
        )

    def test_a_stage_that_fails_fails_the_pipeline(self):
        self.assertEqual(self.whole.states("breaks"), ["failed"])

    def test_a_stage_has_15_minutes(self):
        changed = self.whole.instance("hangs")
        self.assertEqual(changed.configuration[-1], "failed")
        self.assertEqual(changed.update_time.ToSeconds(), 15 * MINUTE)

    def test_a_rejection_and_a_failed_deployment_are_failures(self):
        self.assertEqual(self.whole.states("rejected"), ["failed"])
        self.assertEqual(self.whole.states("undeployable"), ["failed"])

    def test_after_a_day_without_approval_it_reminds_once(self):
        self.assertEqual(
            self.whole.emitted("late")[2:], [("remind", DAY), ("deploy", DAY + 15 * MINUTE)]
        )
        self.assertEqual(self.whole.states("late"), ["succeeded"])

    def test_after_three_days_without_approval_it_is_cancelled(self):
        self.assertEqual(self.whole.emitted("forgotten")[2:], [("remind", DAY)])
        changed = self.whole.instance("forgotten")
        self.assertEqual(changed.configuration[-1], "cancelled")
        self.assertEqual(changed.update_time.ToSeconds(), 3 * DAY)

    def test_it_can_be_cancelled_while_stages_run(self):
        self.assertEqual(self.whole.states("cancelled"), ["cancelled"])

    def test_without_authentication_everybody_is_nobody_and_so_is_an_author_without_a_name(self):
        play = examples_play.Play(self.EXAMPLE)
        self.addCleanup(play.close)
        play.create("p", commit="c0ffee")
        refusal = swoosh_api.refusal_of(
            swoosh_api.submit, play.server.orchestrator, swoosh_api.send("p", "approve", {})
        )
        self.assertEqual(refusal.reason, "GUARD_FALSE")

    def test_a_kill_of_the_server_changes_nothing(self):
        self.assert_the_same_with(examples_play.Play.kill_server)

    def test_a_kill_of_the_worker_changes_nothing(self):
        self.assert_the_same_with(examples_play.Play.restart_worker)


class CouncilTest(Played, unittest.TestCase):
    EXAMPLE = "council"

    @staticmethod
    def play(play, middle):
        play.create("biscuits", cost=5)
        play.create("chairs", cost=50)
        middle()
        play.create("car", cost=500)
        play.create("who_knows")
        play.advance(10 * MINUTE)
        middle()
        play.advance(10 * MINUTE)
        play.advance(10 * MINUTE)

    def test_three_yes_accept(self):
        self.assertEqual(self.whole.states("biscuits"), ["accepted"])
        self.assertEqual(self.whole.output("biscuits"), {"a": "yes", "b": "yes", "d": "yes"})

    def test_a_round_without_a_decision_is_followed_by_another(self):
        self.assertEqual(self.whole.emitted("chairs"), [("new_round", 10 * MINUTE)])
        self.assertEqual(self.whole.states("chairs"), ["accepted"])
        self.assertEqual(self.whole.output("chairs"), {"a": "yes", "b": "yes", "c": "yes"})

    def test_so_many_no_that_it_can_not_be_accepted_any_more_refuse(self):
        self.assertEqual(self.whole.states("car"), ["refused"])
        self.assertEqual(
            self.whole.output("car"), {"a": "yes", "b": "no", "c": "no", "d": "no"}
        )

    def test_after_three_rounds_without_a_decision_it_is_refused(self):
        self.assertEqual(
            self.whole.emitted("who_knows"),
            [("new_round", 10 * MINUTE), ("new_round", 20 * MINUTE)],
        )
        changed = self.whole.instance("who_knows")
        self.assertEqual(changed.configuration[-1], "refused")
        self.assertEqual(changed.update_time.ToSeconds(), 30 * MINUTE)

    def test_nobody_votes_twice_and_no_stranger_at_all(self):
        play = examples_play.Play(self.EXAMPLE)
        self.addCleanup(play.close)
        play.create("q", cost=50)
        # a, b and d have voted by now.
        for vote in (
            {"member": "a", "choice": "no"},
            {"member": "z", "choice": "yes"},
            {"member": "e", "choice": "perhaps"},
            {"choice": "yes"},
        ):
            refusal = swoosh_api.refusal_of(
                swoosh_api.submit, play.server.orchestrator, swoosh_api.send("q", "vote", vote)
            )
            self.assertEqual(refusal.reason, "GUARD_FALSE", vote)

    def test_a_kill_of_the_server_changes_nothing(self):
        self.assert_the_same_with(examples_play.Play.kill_server)

    def test_a_kill_of_the_worker_changes_nothing(self):
        self.assert_the_same_with(examples_play.Play.restart_worker)


class DiagramTest(unittest.TestCase):
    def test_the_diagram_in_each_readme_is_what_the_machine_exports_today(self):
        for example in ("order_saga", "ci_pipeline", "council", "incident_desk"):
            with self.subTest(example):
                folder = EXAMPLES / example
                exported = swoosh_ctl.run(
                    None, "machine", "export", folder / "machine.json", "--format", "mermaid"
                )
                self.assertEqual(exported.returncode, 0, exported.stderr)
                self.assertEqual(
                    examples_play.diagram_of(folder / "README.md"), exported.stdout
                )


if __name__ == "__main__":
    test_main.run()

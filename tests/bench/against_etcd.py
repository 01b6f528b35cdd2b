#!/usr/bin/python3
"""Ours beside etcd 3.4, one member, by the same client program over the same connections.

A put is compared with an event: as many bytes a request, 1,000 keys and 1,000 instances. Calls in
flight: 1, 64, 256, 1,000, ten a connection. Then our stream beside etcd's puts, where they were
fastest; 100 events a proposal beside 100 puts a transaction; and latency at one rate that both can
hold, counted from when a call was due.

An echo server that syncs as many bytes as our record has before it answers takes the same turns:
what it does beside etcd is about as much as any durable server over this gRPC can.
"""

import statistics
import sys

import comparison
import echo_server
import etcd_server
import our_server
import wire_load

IN_FLIGHT = (1, 64, 256, 1_000)
GOALS = {1: 1.2, 64: 1.2, 256: 2, 1_000: 2}
GOAL_P99 = comparison.at_most(0.5)
# Where the goal of 2 times the throughput comes with one for the latency.
IN_FLIGHT_WITH_P99_GOAL = (256, 1_000)
STREAM_IN_FLIGHT = 1_000
GOAL_STREAM = comparison.at_least(8)
MANY_IN_FLIGHT = 64
OPEN_LOOP_SHARE = 0.5  # of what etcd did at its best
OPEN_LOOP_IN_FLIGHT = 1_000
PEER = "etcd, one member"
SIDES = ("ours", "synced_echo", "etcd")


def measure_unary(compared, ours, echo, etcd):
    """Rounds of all numbers in flight, and of the stream."""
    quick = compared.quick

    def synced(in_flight, stream=False):
        return echo.measure(echo_server.SYNCED, in_flight, quick, stream)

    sides = {}
    for each in IN_FLIGHT:
        sides[f"ours_{each}"] = lambda each=each: ours.measure(each, quick)
        sides[f"synced_echo_{each}"] = lambda each=each: synced(each)
        sides[f"etcd_{each}"] = lambda each=each: etcd.measure(each, quick)
    sides["ours_stream"] = lambda: ours.measure(STREAM_IN_FLIGHT, quick, stream=True)
    sides["synced_echo_stream"] = lambda: synced(STREAM_IN_FLIGHT, stream=True)
    return compared.rounds(sides, ours.record_bytes)


def best_of_etcd(rounds):
    """The number in flight at which etcd answered most."""
    return max(IN_FLIGHT, key=lambda each: statistics.median(rounds.of(f"etcd_{each}", "rate")))


def add_unary(compared, rounds):
    def add(name, figure, each, goal, unit):
        ours, echo, etcd = (rounds.of(f"{side}_{each}", figure) for side in SIDES)
        compared.add(f"unary_{name}_vs_etcd_put", rounds, ours, etcd, goal, unit, PEER)
        compared.add(f"synced_echo_{name}_vs_etcd_put", rounds, echo, etcd, None, unit, PEER)

    for each in IN_FLIGHT:
        add(f"{each}", "rate", each, comparison.at_least(GOALS[each]), "calls/s")
    for each in IN_FLIGHT:
        goal = GOAL_P99 if each in IN_FLIGHT_WITH_P99_GOAL else None
        add(f"{each}_p99", "p99_us", each, goal, "p99, us")


def add_stream(compared, rounds):
    best = best_of_etcd(rounds)
    etcd = rounds.of(f"etcd_{best}", "rate")
    unit = "events/s, puts/s"
    peer = f"{PEER}, {best} in flight"
    for name, side, goal in (
        ("stream", "ours", GOAL_STREAM),
        ("synced_echo_stream", "synced_echo", None),
    ):
        values = rounds.of(f"{side}_stream", "rate")
        name = f"{name}_{STREAM_IN_FLIGHT}_vs_etcd_put"
        compared.add(name, rounds, values, etcd, goal, unit, peer)


def plot_unary(compared, rounds):
    for figure, unit in (("rate", "calls/s"), ("p50_us", "p50, us"), ("p99_us", "p99, us")):
        series = {
            side: [(each, *rounds.quartiles(f"{side}_{each}", figure)) for each in IN_FLIGHT]
            for side in SIDES
        }
        title = f"Calls in flight and {unit}"
        compared.plot(figure, title, "in flight", unit, series, log_x=True, log_y=True)


def compare_many(compared, ours, etcd):
    sides = {
        "ours": lambda: ours.measure(MANY_IN_FLIGHT, compared.quick, many=True),
        "etcd": lambda: etcd.measure(MANY_IN_FLIGHT, compared.quick, many=True),
    }
    rounds = compared.rounds(sides, ours.record_of_many_bytes)
    end(ours, etcd)
    rates = [
        [each * our_server.TRANSITIONS_PER_PROPOSAL for each in rounds.of(side, "rate")]
        for side in sides
    ]
    compared.add(
        f"proposals_of_100_{MANY_IN_FLIGHT}_vs_etcd_txn_of_100_puts",
        rounds,
        *rates,
        None,
        "events/s, puts/s",
        PEER,
    )


def compare_open_loop(compared, ours, etcd, rate):
    """Latency where neither is full, and a stall delays what was due meanwhile."""

    def load(server):
        return server.measure(OPEN_LOOP_IN_FLIGHT, compared.quick, rate=rate)

    rounds = compared.rounds(
        {"ours": lambda: load(ours), "etcd": lambda: load(etcd)}, ours.record_bytes
    )
    end(ours, etcd)
    for figure in ("p50", "p99"):
        values = [rounds.of(side, f"{figure}_us") for side in ("ours", "etcd")]
        name = f"open_loop_{figure}_vs_etcd_put"
        compared.add(name, rounds, *values, None, f"{figure} at {rate:,.0f} calls/s, us", PEER)
    # (one call in so many took longer, figure)
    tails = ((2, "p50_us"), (10, "p90_us"), (100, "p99_us"), (1_000, "p999_us"))
    series = {
        side: [(one_in, *rounds.quartiles(side, figure)) for one_in, figure in tails]
        for side in ("ours", "etcd")
    }
    title = f"Latency at {rate:,.0f} calls a second"
    x_label = "one call in so many took longer"
    compared.plot("open_loop", title, x_label, "us", series, log_x=True, log_y=True)


def end(*servers):
    for each in servers:
        each.end()


def main():
    compared = comparison.Comparison("against_etcd", comparison.arguments(__doc__))
    if not etcd_server.is_installed():
        compared.skip("against_etcd", "there is no etcd")
        return compared.end()
    folder = wire_load.scratch_folder(compared.output)
    ours = our_server.OurServer(folder)
    etcd = etcd_server.EtcdServer(folder / "etcd", ours.request_bytes)
    echo = echo_server.EchoServer(ours, folder)
    rounds = measure_unary(compared, ours, echo, etcd)
    end(ours, etcd)
    add_unary(compared, rounds)
    add_stream(compared, rounds)
    plot_unary(compared, rounds)
    best = statistics.median(rounds.of(f"etcd_{best_of_etcd(rounds)}", "rate"))
    compare_open_loop(compared, ours, etcd, max(100, round(OPEN_LOOP_SHARE * best, -2)))
    compare_many(compared, ours, etcd)
    compared.end()


if __name__ == "__main__":
    try:
        main()
    except wire_load.Broken as error:
        sys.exit(f"no figure: {error}")

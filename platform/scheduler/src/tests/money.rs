//! Holds, credit lines and price limits.

use super::check;

#[test]
fn the_price_limit_stops_placement_and_then_the_task() {
    check(
        "> submit none 4 max=25
         > offer n1,hold=10
         assign n1 Policy 0/0 1/0
         > n1 0/0=a
         chunk 0 winner 0 0:n1=Accepted
         > explain
         2 chunk(s) wait; 2 of them: waits for a node; of 1 node(s): one more replica holds 0.00001 credits, the task's price limit leaves 0.000005
         2 chunk(s) from 2, 1 missing: waits for a node; of 1 node(s): one more replica holds 0.00001 credits, the task's price limit leaves 0.000005
         - n1: one more replica holds 0.00001 credits, the task's price limit leaves 0.000005; submit again with a higher --max-price; accepted chunks are recalled
         > post n1 10 4
         > wait 0
         assign n1 Policy 2/0
         > n1 1/0=a 2/0=a
         chunk 1 winner 0 0:n1=Accepted; chunk 2 winner 0 0:n1=Accepted
         > wake
         in 1000
         > post n1 20 18
         > wake
         in 0
         > wait 0
         failed: the price limit of 0.000025 credits is reached with 3 of 4 chunks accepted; submit again with a higher --max-price: accepted chunks are recalled, not run again",
    );
}

#[test]
fn a_free_node_that_has_its_replicas_does_not_hide_a_lack_of_money() {
    check(
        "> submit quorum=2 1 max=5
         > offer n1,hold=0 n2,hold=10
         assign n1 Policy 0/0
         > n1 0/0=a
         failed: the price limit of 0.000005 credits is reached with 0 of 1 chunks accepted; submit again with a higher --max-price: accepted chunks are recalled, not run again",
    );
}

#[test]
fn a_full_credit_line_waits_for_settlement() {
    check(
        "> submit none 2
         > offer n1,hold=10,credit=10
         assign n1 Policy 0/0
         > explain
         1 chunk(s) wait; 1 of them: waits for a node; of 1 node(s): its credit line has 0 credits left, one replica holds 0.00001
         1 chunk(s) from 1, 1 missing: waits for a node; of 1 node(s): its credit line has 0 credits left, one replica holds 0.00001
         - n1: its credit line has 0 credits left, one replica holds 0.00001; wait until it settles finished work, or raise its credit line for us
         > n1 0/0=a
         chunk 0 winner 0 0:n1=Accepted
         > post n1 10 0
         > wake
         in 0
         > wait 0
         assign n1 Policy 1/0",
    );
}

#[test]
fn lost_and_unjudged_replicas_hold_nothing() {
    check(
        "> submit none 2
         > offer n1
         assign n1 Policy 0/0 1/0
         > state
         Running total=2 accepted=0 failed=0 recalled=0 running=2 waiting=0 spent=0 held=20
         > n1 0/0=!time
         assign n1 Retry 0/1
         > state
         Running total=2 accepted=0 failed=0 recalled=0 running=2 waiting=0 spent=0 held=20
         > down n1
         lost n1 0/1 1/0: the worker disconnected
         > state
         Running total=2 accepted=0 failed=0 recalled=0 running=0 waiting=2 spent=0 held=0",
    );
}

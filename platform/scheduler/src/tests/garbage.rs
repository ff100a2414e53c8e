//! What a stranger may send: nothing of it changes anything, and everything is answered.

use super::check;

#[test]
fn results_that_do_not_fit_are_ignored() {
    check(
        "> submit quorum=2 1
         > offer n1 n2
         assign n1 Policy 0/0
         assign n2 Policy 0/1
         > n3 0/0=a
         ignored 0/0: this replica was given to another worker
         > n2 0/0=a
         ignored 0/0: this replica was given to another worker
         > n1 0/7=a 9/0=a
         ignored 9/0: the task has no such chunk
         ignored 0/7: the chunk has no such attempt
         > t5 n1 0/0=a
         ignored 0/0: no such task at this node
         > n1 0/0=a 0/0=a
         ignored 0/0: this replica has a result already
         > n1 0/0=b
         ignored 0/0: this replica has a result already
         > lost n1 disconnected 0/0 0/1 4/4
         ignored 4/4: the chunk has no such attempt
         ignored 0/1: this replica was given to another worker
         ignored 0/0: this replica was not running
         > n2 0/1=a
         chunk 0 winner 0 0:n1=Accepted 1:n2=Accepted
         reduce
         > n1 0/0=a
         ignored 0/0: this replica has a result already
         > reduced
         completed
         > n1 0/0=a
         ignored 0/0: the task has ended
         > reduced
         ignored: the task has ended
         > cancel again
         ignored: the task has ended
         > submit none 1
         ignored: a task with this id exists already
         ignored: the task has ended",
    );
}

#[test]
fn inputs_at_the_wrong_time_are_ignored() {
    check(
        "> submit none 1
         > reduced
         ignored: the task is not in a state that waits for this
         > reduce-failed no
         ignored: the task is not in a state that waits for this
         > t3 offer n1
         ignored: no such task at this node
         > t3 recall 0=a
         ignored: no such task at this node
         > down n9
         > up n9",
    );
}

# The same commands as `cargo xtask`, for those who have just (https://just.systems).

# lists what there is
default:
    @just --list

# installs what is missing: the guest target, Chromium, PostgreSQL, schemathesis, cargo-deny
setup:
    cargo xtask setup

# builds the program, and every job beside it
build:
    cargo xtask build

# a network with a liar, jobs on real data, verified and fetched; `just demo --exit` stops it at the end
demo *args:
    cargo xtask demo {{args}}

# builds the web console into web-console/dist
console:
    cargo xtask console

# every test
test:
    cargo xtask test

# format, lints, dependencies and licences
check:
    cargo xtask check

# what CI runs
ci:
    .ci/run

# the measurements of docs/performance.md
bench *args:
    cargo xtask bench {{args}}

# the fuzz targets, so many seconds in all
fuzz seconds="60":
    cargo xtask fuzz {{seconds}}

# the simulator, under one seed or under many
sim *seed:
    cargo xtask sim {{seed}}

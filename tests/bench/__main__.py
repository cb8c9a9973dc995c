"""`make bench`: what the engine, the fit and the graph cost, beside their peers, in one run."""

import building
import fitting
import graph
import live

building.main()
fitting.main()
graph.main()
live.main()

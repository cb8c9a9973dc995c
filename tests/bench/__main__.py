"""`make bench`: what the engine and the graph cost, beside their peers, in one run."""

import building
import graph

building.main()
graph.main()

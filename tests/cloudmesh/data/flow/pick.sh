#!/usr/bin/env bash
echo "# cloudmesh status=running progress=50 pid=$$"
echo 12 > apples.txt
echo "# cloudmesh status=done progress=100 pid=$$"

SPOTS = {
    "ericeira": (38.98, -9.43),
    "hossegor": (43.66, -1.44),
    "bundoran": (54.48, -8.29),
}

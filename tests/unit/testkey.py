"""The key a of tests, made by tests/vectors/make_signatures.py: nobody else must trust it."""

# Primes, exponents modulo these less 1, inverse of q modulo p; little-endian.
PRIVATE = {
    "p": (
        "Z5W/LoOK4am9OFDO7dSMbv6z/MVYuFY74g1qlddYCVmUoorxrJrPp2/HQ4DRrPhnzg0CZwY+v9zjV1eJMApVSwCu"
        "ennSkQBLfk/9j5C33jb2sb9Ba7iMubpvNaraEUZd8s6HCXErG/890/Ou8rcnE05/pFS4v7P3Mml3Xh5bP066E/YJ"
        "ARvUa0+OEAV3Acvzl+lMnJwLUBzaLo1HX3c7q3DuEKJKUXprOgEIDdkRFRRFMNd2T4UFS5zLsWAs3nHT"
    ),
    "q": (
        "C81qtNjXZHLrcqZ+zwnOdDpeNbr9bTOLKX21Aswc1H1De0799rdh5gkNbTQW4LK7tk1vpENf1LuktSFva1IE8K4W"
        "GUq/46WKfkySBXaqRkFxGiip96kPxRAMpjFIP9bDx/MSknqCwEfnlPkcWgSTkUNKiADHxwuP0CAfoT2OyEhuoTvw"
        "KQZgmDi01QEDoRyapY2oiRG1tqTbWFouZ9al1PfKKPDL8in5E57i3hPNbmqCJx/d40BfUH7XRdCBSb+3"
    ),
    "dp": (
        "oQm8A/2GkvMwW1fDsMrQGTGNQ96PKIqNB7g1kqdZUKv6cIQgxQPseJYKpC1IHfrtnhsdlezw/zaOiHpXEg5AjXCX"
        "xHurjmjKYiLAsjbdVqCzo3A79/HDQClve0R9SD9Eb/IC8oRnf1mSUmT7X7CjmK1T/6nF3/ngUbvK0zZghbG5tyAK"
        "blYALsbjFdTKhJzuIPepElH9Zz67dV/kJJqZaQ+6yDOuYcGLTwdEqPvK0EQfCHL9A6X4AvMHqgmb2SkN"
    ),
    "dq": (
        "r0REUmg+Ff9zKfUNtMWQvV6xx7I5xYMDWq+g/QfzBHFm2Jn8gfVPAbzsFyfrFvRZcQXc26rbGi1iw6KphAb4Gk4k"
        "73OcrE8QWH/Cl/s6Xx5HTs2CIa2MQDyUTlmmAzQFPUgo/GIjI90NU1LgZGgk1bhKux0qHy5OIlMQOIcUuzIMR3u3"
        "pFftBRk25sE58bk3JMU3J0G+SDgFnJnvpip79N/sKG0cZUd9CrKTzYYvIYK8QmBiG60t6v3K+tiwGVWi"
    ),
    "inverse": (
        "Xc3pL/S9lBF6dH4/pGSvRIeE0QiCcTEdGaKJ+OgnVQY37ZL026MyMEvbDanqLbA70+fAwX61v8chc8u17HJfFv39"
        "kzSjy7Sgxti9l83gOK990SCxzgC5F5XtHTzl7zhHl5RlePH+0z1Ano/OzbjLB4M7XJPcHXKYx7vLacXjSl9kB9bo"
        "jseGSG6IfqtIQoDW9q4qOea/Or/b7C4kH+RshiPmtU5PdZhQwqB0fledF+heLmh/+0WTygk2wsAJsAtP"
    ),
}

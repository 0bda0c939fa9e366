"""Signatures of `CONTENT`: made by tests/vectors/make_signatures.py, not by hand."""

CONTENT = b"the content of a release"

# Little-endian, as in a block; of 4096 bits what fits.
MODULI = {
    "a": (
        "beaEtVqgJxLV370JUfkCKxtkkxOBIC3zioswOrr63+GNY9LGGmi+UAyj5HjUm7nUMOP4qzQSlY3XP3Da7DZEIdZg"
        "pTLg7EtSsNYeMxLFk9K/htO75F59A169w1KqTCmIFnVNlUrcySu+ObNXVhxyVDfkXclDupCW1k0nUmYjzddDnCAl"
        "LX3803w9CLvWQNX76MKdtxSO0HPgz4pk2bSNnlshKBia1eMTH4LJTnOb746wafqO3IrFAqAkO8BZ0PbcjN0Xcp9h"
        "B49g7+cccRkfzi7O0S0HE3WOAjeGKElD3uPUEQvZxo9/FcFOQY8YtnMMFiPbdSY6rpF7nq3l4h6SoAStJoXzkv3x"
        "wn4qS0bWHTbPcMSsZ00jD3Mk38bTbg8bfaFNgNfPToAY7RTfyXUF+/PCac0dZ4mupMl0ksWf4k1SOgy+E6VvRzGA"
        "pjr9N6pH/3YBhxSAfyn7n2iwhdZCn9ekvE/drTvH1DrCXRTrLJESFnZpQH1v9lQN/Sx9ZMSX"
    ),
    "b": (
        "1cIww2GV7sxRX15j5iLo+iwgZ/sRwqdGUbHBHwGJ5ZAVCNALw6dUh2wRQhxCE918O8mW2wRkHSjWLCNdTwPGPrDN"
        "HegkO6aBDyLDx5Uq8A943+8Vln5H9bM5TdzNHrDY5wE5CPijGMPhCrwiVi2M4hvWF2ImfN1sPOORtXe0tA+bLoxx"
        "Tm1gy1XE6kZ3DJyh9g+LzMlRBqA6g1QsTW/fppkWtrKiRXRrLYOC6k9ob7RJxEmaMa/UzzU3wT4r887iEU/8yZzg"
        "q8vnqdI4kXn/B1J/hVPh/ekIb8VHGlU9H9u52w1jpVTEEeq2OgYkHi5e6AjTSD6VQx2+DK866mzQL00OQCVb/LyM"
        "9ervV0BMA66mHoG0dviZgAefpxrx1WnWRGKiGygFLopNXvvv44HTajDDl5ao5LTFZlLzp2fmzyph2jNMaQ+AZi4t"
        "FhetOZeyXVt0qv7nSzkd8wmntZk/ftTgqCS6LdR+KEiDje9gGCyd5AIgJ2D2CJoLEHi0m8i4"
    ),
    "c": (
        "lTz61lyLwRqEc5P+hJcnmIbvDgT02R+wxP29X3jA1k0SVPEJvVDw3Xzg8dvrpPBRqSd/whe2BF2REbxe0zCrfosz"
        "7ACTeSa2IPmcx5kx04HprYZt/QrlCOMdtIjNDI6F1felQPHXVej41KkFLXtV5GNxfocJVUFEmYFNlgRqK9ttPz/u"
        "+SfMujNY39OfA3SBgQjYLho7zMamNrZSTGneQWmf+2XzPV4PlEnmUUNYy6B73BXYji781JvU2MCL4LdX36Dn0T83"
        "qCLFJ02ryPjcxuMykbnU2rgV6TAApR5WUXihI4Tx+LZT+FH6a3Bhk/LXxnCKjqAxGnKHt/aqedxUmmSZc1a4ydJE"
        "dfaVWgehOllXrEVmYlV85t5MBbMKpQzTWKjqrQ1p2UdwXWrHni2lfEkowHt//gWVgS4IkDb3qTP47Yh0Ng5Az71l"
        "mxAY8zpHL7+i5ncOz2lFts3DWkec9eOurBlya/BaPqlCAmEa83TrwCfpnk4xMEDiNgjXuJ7n"
    ),
    "2048": (
        "UZVqz7qPtsZJaluKuEQEdv563zDkb0IaOYKfcHdWy0qy15fZcxU6hhNI74dcg8qoOAtUchzYpEN4GxG26UGxdDje"
        "T9w0hEB5USedyke85JXrfcl+0ID0V16uO2y6ZyErjoT9dx1sK7jtknfNNJJ+IQ3YkenqlZgnBi6pnykQNwnnIovB"
        "o6JAuH88oDmn96DRCmS18kGNBgiAjq4ceYOvkxPbmduGVGZOTZpLPpOnoSvuRXTL0nArh3LHwSA12LagKWKOAvYB"
        "rfcJygK1l3AM+c4Cblfitu151dPuqnHUrzFoTi1xE+9zmxDtfh0tgyhHSXVs3kKSYXYKRum+gjCTzAAAAAAAAAAA"
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    ),
    "4096": (
        "LyyYN0srBPJ0UlYGB5YoWqkrkur+y2/v1Vx3o5QlxoRBEDXYVPsGhBFYJbxgToZpSitLGqKO03TXqd+gwfuZABQa"
        "DeuoJjnUbmbx8YqmWLD1HYP4tiKOxXJx6fij3RqFPUKJs6o9crRBFB700jld8HclOV850h1CLE2BknLBy2IVl6J4"
        "rXM5oISdNt6X93/JgSO8MD49z1esFwc33GtDgrUS2pUAao+ZBRe0VtmyBH3KbDARH7PYSzWde9XeuwNuUiQKmeOf"
        "qFxEZIF4OFVCrQb8lvH2cpAl2PfLY62ijS72zgYGzmVU329wpJtkWrv7yBW9pp5BQNc3lZNG4I4LnbpUW62iNjIm"
        "u9o1bY1ljWw1wFO++TpYiMYLBs8jnkTvuGgQGl9fcv27o8wti5Ykoi6IHC9khLr7GYG4CY+xwZtmqO6A5aj8QNJn"
        "jqQkSUTF3uFmEnFRguQ2PnfR44kaR+80KcZFnz2aq/dEaoXdyhhm5e0VjMfzEqFspTVabOaL"
    ),
    "three": (
        "6VKoU6Qzs/TF5znhpRz4OhzwrXjWE+Eyl4mFfgyRLcyWbRado4EoLsyLuY2V5e/Xr1qQWRxF6SR2jfSihJR25mE8"
        "8HBt64iGbSrHL8t9zHsgb/XFABRdckMkZkDI3Ot+j/XexF+k6gd4O+Ebz33H6gTD4n64mzB08xkWuTXHR/sZ/njI"
        "k4p1nsUjt3p3qcdU8bVBUWAWykHQxyMZy1+vuHjvrF00ya8iOgoJWlKbtGXy0f4Mo+WXVUfe9bE8UcLNghChBHdk"
        "9B9Y/dvORTeHTeGBc+x7NgtFPNWPgEvDXR8HegbK+LXLqSAA/kkTchztN97bWNeZzAmrRVkGuoPmVv3ECywW/iIi"
        "3UBxVfwVYMo2fgJh9/W4pV38uygXK1hBmSP6pHkVmO6TG/G8j8zTIhyDhUBk1jQEhdRU+q1FYTao9X/xs8X1o4MJ"
        "Z468H1/YvaE41JGbVpYMc0dSxfvgdESCoGi7e0OqMqrZjcUohfQ1m0oRW1zw2DKlK0o9f4+Z"
    ),
}

# By key a, but for those by the key of their name.
SIGNATURES = {
    "a": (
        "SoBoZY8HMeRZGmfwOLvtv/+Yr9mAJA8XItZyCcKeHI6RVjjOIhMIQju/EyHXU2mF3PI6GVEGqKLyAM2Xhiyti9nN"
        "6C0hfXT9tS73F4ElPa6oOj1wA46P9Y62uZkNkPx1CsA6z4qzebVKQgfGFaGDPipn5x88BWOiOyzjeIFpwenRNL+K"
        "yowSwPll1uhGjOXAkG/+yXfm9iEtr9xrI74yb94BfcpNpIrv9R/PgmcCZWnwrfPN1Kmc+q7ZTjBCenUbKoCyP4ZT"
        "IdgDw0p64FzhJrkh3AEBukiMPAd668O+5pznZtgewVxZxXnRdy0dLcDEylp0ijIfFYKFqCBUx2f0uXCjeO5Lt1N8"
        "duv7fE+LDayXuiXeASw9r5t1D7ZaUfN+l3D1ql01bqOwzq5jAgaoYg6ljd2KFjLAQcSrgLGelvW/VcNC1SBvTxpd"
        "Ze2DZ1hYp3sbPVEPmHgjN42YIUy9WP0O3Pzh+UyS0r2VqMWCoAlLXkBGOQ9SbkmELpdaxFsp"
    ),
    "b": (
        "cUP/Q8IB3V1ag3zUcF8yFS0kAK+F//9UCY1b8N3aJZhYuuD2xDzHodjOznW/2pciQChWd8l7FlWbZzDqS9Zi6Frs"
        "XOdU02ZKsBx5/ezzyaBxjYvgSkGs+BQNhZil5f4OPlOq//8VcfOKm9TgVVK0TNXHJa2wgaTUl3k/Mil5DeqB72/e"
        "Tw7VZsvJSu3mrMGAoCvdL58fNBSVy8hTYAwUvyRmQ9uQS6TLCggwnNfarJmYPqeRa58wZrCKIiIQYTlSlWbCR3rr"
        "M9d1Xa1RYqacU5pCdp/s1QUKGz1wom3yfG9YNt3OH6U2+XScr20AkAw68JFJHJCHJn0meco1xGCXk50EpIvr/ZBp"
        "cZsLJxyLBONSpG1bdCPsdXV34d0Z1MzvINe00OBdnq/7B09mFgtwKLQZcXi8jbxvQtpZEq3esQVYuyW65qGmmwg5"
        "ncMeXT6C67TXeU/+1jpqD9KE59P7dtsUW0LuUtkkesSoDfsDe/Izqjwr5rp+HOjc3IDcjv1R"
    ),
    "c": (
        "IrqoByL5WRsQA/2j3Lk/0iFXV3HLuQDElHmS89aAx+ZRo+oWN/qwzabF7dfeNYad0alU8rPgQmrC6nDCqxJDj/yJ"
        "Du6YqBn//kgbB+6q4IRBNt/+CPMeio2FPdfkXklngk4prnrjAJIWjq1Kv5KCfmpHe319Xemz2yf5dT/w8jRQCBev"
        "igACDSFzTkwy3FUdyFScvMN6HG/yVH7XyygR7VWCHEZKImxU4YS2OMdPzje5lVq7mMiTvXZxwMChe0fRSoq6lmL9"
        "Yk0ivKvnGPYEM99Fqqq2ihyLNTJ76oV1RJi8rU6eS907m/xRWqxwmFp5MUIIFwWdasZ5hLcBYgh7ALLGB89+qdDm"
        "yzQndB9vOtnfiLxYDnXzmcTWRPlU/sZqABHFEEjz23uG+4P7anR8QZf8Q35/POC3U9o+2JDYm6WcOeZfYQmoUl9G"
        "LooR26Cgs0ttvO655qlE+IHZZ7zXWqkh9yGwLVtYDgeViuBEgxmUwCmsd44y2WRFikf/oPdS"
    ),
    "2048": (
        "pNOvzhAy9Rve93rhq3PUbMmvN7/pV4sWPMnXnfM56N/MgTTx+m0IMp53B7WSq4B5D5LN1L3Es1h+UrRIMGPbUOAR"
        "VaVqVbmW13XswRqXryzpwhaddugkL2ggH/w1pmGj5P3KaSJtfH8Y3DCNSbFUZTm9skAMSaM2NQxtQOvBRiahdi+O"
        "+HGkjgYJIFUXp7Wz3DUEvjTaM63LcjCEgYBMRGIHB4qgmSDrrzK3Q8IupDxpUVdthi+Dv3bY9Hu8c/HHC6qiYH2M"
        "Y4+BJRqJvtFjdzmPLnqcNpWXmsGwvADHDaFel/K2JXq79r8RCyxGoO9hJ+AXIuwQJAbsLBQdHphynwAAAAAAAAAA"
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    ),
    "4096": (
        "nRkW7aSWO9btgwIo+sDAS3FsRmU8GK90FiswmEd3QWPtKUwyH4z/tV2D677hbFfryphFZihb/MmgtxEgzgWaUBEw"
        "PdX1x/hd+7F6VpcbaD8bv5z7t7cu5UYdjnJYX5LQMuWyli3+WzON395mjGyvqp/hWbavEwL2komFiWdxczMY3mrr"
        "v8iR89kyYH3tFXva1w1G9VWb6hv5xiZoMvyqX0uE5SfGhjkoe76xkmPSLY5s9C7AzNxTPlTWV2YW5eCuAyGLqoC8"
        "gvVyqOnfPJjXrC2kX+i78fyi1AzbUtY5lC3RPc/Z7jQj6DQDlOgjdAaOLh+SpkqvTYFl4pd/LwIr92rbI2HS3tTs"
        "9g+EPC9QAO89Y6kcrZWPGsYy+fZ2jYYVoBuq6F9t89C6CFoX2CzBWfFT3uMLRPOCO9b6XnrG0JdqraoE+4rnaHN5"
        "yMN6qkAeaOZ87eVNB5c6TfVgBuGZIo4LD8CBcv/Aw/1eTQbjKFkgUbMNZmYTQ7YNB7JloLwE"
    ),
    "three": (
        "/KOHFVjkFQma3TghayYgCQDKLMGDyJnXh8v+U4tO0IazrPKgU2TWkIhFQdlUUdP80ZJ4PPCa2Km3U8k/npSlxhgp"
        "q34VCqyU2i0Df4A9VDFNqK0+qtiGoz0lBkjD4Nu88eefJcSSwP7huUzi4oBpT5cWw3OX0GWv0o8WfzveImIjGdr4"
        "ftXprBdWuDJul4dyRio8Dv+m1h9J9xjFW0TbZApjIlat3Nq/R3SP2Neb97wRtDjRb3PDGhGcbA3UqGhZifKvW1Sz"
        "KeTEbrbYzvtJG0HSy1UDndH1tByrdXu7WSh+XWroOnvJVzVO8TMrsU5An6PvQ8U0sI5yFAqzyxlRbWzA7Zra8YhH"
        "mYWroXeG708xr326QFosuKNmZOFfzkXQfXJYCnIPZUYC3AL1Km3orBl06V6Ln/0ozRdTtzIahK57N4a6P5AM3qvB"
        "yXDFYCX0cZ3mZAfjpTx74LtCdYifckm8qKsghhgP7/0WqwlnoQcSUpJvg+ZtR8FzdKTE0GFN"
    ),
    "no salt": (
        "fZJl2h+96raXh1EDirKnd3unPQP0+EyTRWpWsm301lAGWJ/d2hmDe4wi7MJsE5LUEtB3jF+fTMwbDg17wIVOw5cj"
        "EAZTxXUnZotHbaErMS8jkq/M/vo9ekTV5LijyEQo+2e13k7nq9pqj3LVJhEtRs6jH5d5oFnhzAAeOlwnsYroh6UZ"
        "jsE8/6+vQjHnOTovOoD0TMJTJIeWoGqDjbQ1m81KTs+C6uM3r0m1U5NtFHqqAmGsNyzVGCVHk5lqiCJjp42/8ovi"
        "6BBwCTP4fkN53xJlqRrilog7jvooOJLzYI8xq3o+ttQZqczfL7OQvmaURdZwLHpQaR6cnS8LSQnCKOq8D8xiFfmR"
        "sIANCIaGhz/vA68PCr5TpnSs1tOPKH3PCRO4IHFWqbNkigHFONmoafPrSxUXcHpvqSzw75BmfGb26n8ZE31aJ0xL"
        "+xKHw6CHVB5TZJSUkijopGlCJfFt3cF2REnw36dx6g61wL1MOfLdXLEweD9PsS/BUdHZbr1Z"
    ),
    "salt of 31": (
        "Zf59/mzageArIb6+0qmmjJfuFK6d9vlElz5Rycmt7bZ1o9DGIzHxqDdg+MbTB7C6Jehat/QE40HiS6j2LdSRYCJ4"
        "XEaIE8r6JL4Tc05SaWg7heKxzDBKqVUIpHXxAc9qoCSBRf8sI+hqu5kfdOQpXkn6mtakZrHW82Wneo45c9PxZnX2"
        "4/FL77YwKz5B6PGN73dl0ZkHKbmjw3t3ftiU/zNn+8lfVKosQSVMGXYSGejpQ/Fxt+i2QJYpNA/zliOZIaw6C15n"
        "CLqbP00uyFMqGZaTtzJ90gA+SfEm/QfHWiyUPgY1qNoWDD0jvdzCwVFX3TV9sWBNLkTQFZEbS7vVFd4HTxzZ/3aW"
        "KM0eBk3QOyh6ADU7fj8QPw/8H49c50+bPgZDqPS56R3LvOyjLjiEm8PD1Jj0ns1ijNPyBRsFm9YMX11TXE4DmMZ0"
        "FAG1Kf/7S+34qlPci6N7ptDsZwTPKpjbmaLw6X/4vwgn7cGtvDQO4pzsrNu6zP27VA1qqmBO"
    ),
    "salt of 33": (
        "jculGCdlYiNpZSCXPVDli8XFlUBCk7HXefYXB09lOhE9HhENuYEIDA0evUIkgSA+Sglv8Sc3p62Bom3mNDRg6MF+"
        "NZjOfUPulaZok1bbgyLB+Sfm4g/pEB0vHTbKXuC/nTm2n7MLQ5+mF5pXao+Fm85QJ8MNZoOhHOttjo+gPcM9kydY"
        "pXtWa/Jv5XrGaYurWn2CzTCb7zsryL9cQdWtKemo1hFeyeTAayx6rMmMLHCIcOR/xa+Pu6PptAioYp+UBdK1sA2A"
        "YyaJowEQsLZ7O24Du0IAHqNFwO2qWyvZn7Mo6WsGfwDqt8aYw5fkOj9/s500uwwmHyvLHUn5FILybl73ubq+ADf3"
        "CLe1UNl1Uf2YnR1ZumDYQ7Z/gjnTjqSb983S5NIDAVrKWj78Fhx3xJ6Em9S7PYRBHJws3AnkFvht5o04Co+U/gJD"
        "HT962u1y7AN6hmuDBqIiMrtNpuuiKRzoSYBYo8pW4S/M9BluOEbwZxIP0uPt9LcXm/jLo/t7"
    ),
    "longest salt": (
        "IBoITaV1kXpdofzgMcB2seDSoGA7liXtZRswKL/FEDvrVXXn/lY82TyEW9+RIj3+YoTiaoye9BfAnX2yZV//i/7N"
        "k7jF8LcDOd/JgNQCCp9v9zB8dqGpaX7P7hy+U2dn8vKXw2JVYXCQhpxcfzXMKQYti4nAd5w5+59Xc47DsC12oo4n"
        "LbOEXfvtIANeTVviTD+mzOghZrNYvlyvwmgr6yz/2oaX7ksOFNAYpc64TWg+z4JX9Pooh6SMKXKllUGjVyynGDTy"
        "OuvJI9QTfV84n6R1Sg1lG+p24+tiw+d40tOmT9Fs1T2HX1f5PU8ldmCr+l6l3EdSc/H10ldL2TybeWGo8flrg3fj"
        "zIJDHvFjZW7ctkzbG8annxdQ7rrPXhmbOyx9u3saoCswoI3AFdY2ZkShJ7MEKAlNp8gSu3we7sswwn2awqJqIsb5"
        "X+OnVg8XpuMJKuhtpI+HHSDV8qo7W6FC8AKHwzYzJYlEkYjy6I6Kc7iKnM2A+Fp7K5pcTDtR"
    ),
    "mgf sha1": (
        "fYmzzMHjYzoiSm1AlSFpDuawgivPip9dnaPJrCfLgOXcGCaF6vNKhOBcn59W7wE13791chEXRYoPnSEPfOXd5Gsb"
        "OtJ2Fzxq10bT+ns32ttJNteJlo4Qh8CDiNRrrKOdWZALCV0UOyQJOO3pOBviDdPHTieVaLiV//xHblqko4dqNeRK"
        "jOfiJiaTYHB71SU3E2+kl65fpC+ZoDy0S0OKvk30PpPqqhz7FlsMlvET3z+7fHkSexAigYDf0Y+myNgu07TA2cqO"
        "d7yZbSIwXN3edunM8O5LpTT6ptC9BM++rD/4dT/pl51Aayo1aXofvGF3Q0sprhcQqy10/bm4Zoe/RzkhrkVWhCI5"
        "exp2wiREgZuhjCv9foHMtbpasZRkCWy0sPPRO0JHWRTLg3LOpz5blANfWkKDsafQhsGOP0yWiDicqUyApZXcfLRW"
        "QVEypITx3+6eWTgO944wnDqEDi7m0HZIhtmKtJxAqb287BILuuEPVQpvipJOfuOBv3oUUykS"
    ),
    "mgf sha512": (
        "pDuHloE95Q2i3WdxDLR8eCWhpElv6s5vC7q/Hmy0ZAYXF2KtrQZgwt7eFud6sVHZUZ0+/JXMufQXzlqmM7XjvsZo"
        "AF4+6rv8d2wu64RMWweSG7Ciyt2LfE/AkifZ/MN7FrGcM2xpHwrckZnw2Y0G6Da23AigYrge4Zhy6iCEezD7ZA74"
        "5xKrNaFMiJXvowoLOwDXQDcvTjHvzvdSng2ickqI9EHUbpKBLPG2kiLpoP8b53DjMZNWcsYVwtk0pqEmueHQAc7N"
        "hYp5LJBPoDZbYk+ZVw5M/5UET5NRWcIs0lZobCe9eRMqj1yqAryOmSfoQ4qu4uZGTHS5eI7bkA9wveymbVbwRFBR"
        "mkWa2sKuG9Q/sYVHRLhSFZVcSzz71lcnirjFLaxCHxd5a41GIUqO4oI12aT5Z/rQs2VkTRsEoYrRcQOQ58iC+UUd"
        "2gj4mVIY2lv/DuX0jU/VSbbSnQ1XBQfdmqaVEaTUOBQM5xS7q0Nf4lnu4D+OOlV1Q1LQ0O0H"
    ),
    "pkcs1": (
        "pCOT3WN+w9PcFPQ9sxBtnh2r7/oZCsbmUdvzutxviNQ26uJqQIK4MkXzVAdFKvKRGwu6p/pbrnOZe+O2/XoyG9yD"
        "soCTQoZ0Jx1BIEXHH1S0O3WaI/UMz5fsjFvuSj+4KKWPSfLaAhJ8nrDffaNeP4ud8ZEPg2rCu0NPDUYgKjlVu9so"
        "87fIErBwK6ohBo99HNIpGEuBgPIVxSFqe/nBRXiKL6m/YRAqaDqqRtB0OHRa94J5m9ZLMUKKVrj/7Wa2IcV7nGyu"
        "f5vXWBqttUuCHYmmV6xSro55QopMwgm/rY9uigAj++5Xe90iPSinmUVb+AeEVQQcolvxsjTYYEPyX0Dgea+XhB+Y"
        "TzONjsMfn0jcz8sSEedzzCm4gBL/Iv0sSZfN0UD6hkeX/OPM2cIGmufI74TXl/HejPbWVoVJLa1BA8LOz8M11wWn"
        "7zycKXe5wZjVwiSd+M9nMooQ9+0NB44scxGkgQAiaCBb4SOXiouc8jpkWonV00Goyg4a+2GB"
    ),
    "small": (
        "89GOAYhmVJdFm/DjTNrspmYsbFnOM4W6PPpwqOeGrrvsAUG4ktHoH8lfJRGpTJA5qwwcRHgZJqe7P8qfpcTicVQE"
        "JGg3Zz/KmO3/cXNU1kBelcRkLqZhZXwQnYg+v45zOp5GXwO2S+tuvMkIrIi+V8iCo0iKh/64GaFYNnxlpHRIBd4W"
        "SNJd4r0Brq5x/tFro3IWKxXD6WY3d4kIEtwv0l+7qu+BjW4wgLZVaEVUQMPANVRL1olaMIfE156FCxosdcqj4SXU"
        "4VkRtyj7UUBB/5NV7F0+T4nYRGYZqCssoZHj4AXzElNdxA2efva0UYsxWMEnuT6ErB0qrg0BwawLmPZt0foNGq25"
        "3dbtEJqE6Kqg9KWg7lJ3PJYUJYAwRyQGLbVBPKYkIoEiUx0AzMxnUBxcl7nxqTfukmhqUivnBRNZO8zhyIBvJBCU"
        "9lFJQCY0/tpojCWgYFcmfCB4plRkJ5tePdiquFsS+Zr1tBbESlKPOrV+21eHnpo4EJlEhSs7"
    ),
    "raw": (
        "Cwukvrgf2DmNTwCJaTdAfurE35qbKNYRXelzCGsmbAVnuoJm4ZWjvyxZjY2qvB/Swq0oQFdHGz0PueWH37tJnKnu"
        "bjA6DT41MJwpsyStvYfrn4pFW1jM0wQ+JrvmhwsVmzjPYJM1g2C8BdKyTsLrjBYwzqg6FhbFpQD6LIGmhsIJb1tI"
        "P/bAwZeaTxx0Du19rgxW/IWTljN+RJeViBNg2l9VPFVMDLNw/i/cIvCtfN2HBs4AUS5kM0Gf3Z//uQbqZKi5PsC6"
        "GQTezC6kn2qVyRkIP4a/OLr9ncWYPGsm8dqb8hWOdqCxg/lYcVdvk6ich0qdMt5gqU01HYoFwgmeVBiDSMbpK1fq"
        "+H+Q4jTJsNQNq/OFFkSZe8B7wAsm6JjaDv2uykOUYudk2EJTe5HUYrQhNSEPQ7uKMuSVCM+ADlexuHNWFOpQyGEf"
        "BUBkxq8g/oCHreOlCS5Y+qYsA/jBEsRdZ2XvWrVYhKKmoan3C0K4g6uzOAYbkSbOYBVndX8L"
    ),
    "first zero": (
        "PcofDySUrdS80DG/8eLsFnDBl0//GoMJrmCeTDqUXcSpK6ihnNK6kh1a9dvLQAcNFiVUtB2IilSbvnHRq/bewypz"
        "LpiNyEwi7HrBWDqaPpz+WY4AmBnw/NZWRF+356nwvQqBHl/jRAbOxfxmT/CVyNbM8CnfKTt3Hw7tLFeplnMYy/Bj"
        "UD37BcjAOriDJKCeVdyuwHowmk1Z3z65FgZYG7uP5BVkljQk9hIx73z5yYNwjrmc5PUf+Mik5GyCQkPWrjttN02s"
        "ksUH6gXFwiAycVeYgJcRzi9hQ4BaobqOMqDfwqRjJMIXEijTrQEJMVu/Kigg41WABPKw1yfjPv413CmfWT4sQPRt"
        "s8WEj2vN1yONS69J8WhSFbhqppfY/wdilisP0DRIwLqYQW2eRb662p6fVC3gxFCjPis8nkGyJi4eNrR6vrHQQGQv"
        "jVCw8x2Qvr0CGp4UixE12MM1fmZudiSgzEyJ13FuyuOtE/mJriNBDjZZCJCWDxPRK/9OZL50"
    ),
    "last zero": (
        "CT5pX4xUDFCa29okmm6s2OB+UWBMS9NArNMgvBr9zTSaHnwehNU5DYdri2djZTJHM+9r4rLeHE1yyjhEnz12M9Ai"
        "lYNR+ryUkgEAX3a70t6+hv5OTkbf1tOucO7iVsg8uDlntetJ6rEquSIeoMwzK568LmLay95TWRpBLg0uGHN3Pj2/"
        "b3OgxAizTjnnLr8p/zANsq0F2KwfPFfFEPuNUDQIOMOOblwHhMLLOSfAzdR77h2G1k95mQBIJcxrxp4NVcnota8j"
        "t2grALtb55EtKHDU4oJUSPp05zv7abnLTL7AqUWWO1Wt+mrQ5mRY2UWX5kM1cyWDbflgFz6ddKWIh19QAZmEAcG3"
        "Wlvk8ENEc6w09U2d1pLt1dL1GE5BFj325CkZ5fvF5LV9bmIjXkOUhGbxjofNsqiXQISeY/KFV+6E99vhX3jtHa/U"
        "9Un0crgtnkbapWFznMHBgJZFDNCdPO05Ws2G8GV5SV3JpsylI8jEIRYweYY7Vf+DsGmNsktG"
    ),
    "no one": (
        "VVVNeGAkxfqi5IuA65L7cXcEjRn6TtiXXT9q9oWi9x7LqN2jMi0V1YNkc8fsLnO3V3xLKpI+i5lYqouTrasSQw4t"
        "DlfqRYJy6GWXwS3te70O4JVgSmYfOODV6gesA288XcSEDNaLEFZyzN1afj/FY9+KCh2qZOED6FSFu/qxKf55x5tq"
        "NSTbAT+kqzUz+Y04kto7/2BTez04Q9YEplNR3HMDZ4zDoPkfIx+1n97ucnQt96eqViHBAsk+tro1LcNLVghZsHI7"
        "TtklLv1tXORRY6Z8iXWylEqLVS9C5M0ThHLoX6hAWavYEbFNeiDhV+dQIVntKTOpk0ar/ZFdfLJFKO52jeMBX/4m"
        "J7iRd4rEgH/htF/o88g3PvG2it1oDNOIw6ddGzDna6QcyD8amA5i9wn2MVkqoFUDKaB1k1sl8kS2HfsWFFlHC7jt"
        "ffhbAayGOZ2mALqsaB3eX/slcTnQkBQy8S3B8Omv4cQKLCVITr5usEhkgSPHLu1N11MAODk8"
    ),
    "trailer": (
        "juERfLbCFsBhSjKs16u4/XhroOCo383qNG1QDVv7U5dUuaRvSCb1esFD7tEYVr3jAq1jVCNVwdN63oNsXj2RmJ9A"
        "gz96uzVryuMx7GMzqH4PNhWkCO6VheybAjQbhEA5cJJYYsfiqMGgXa2YsRfgZEmgZMbwFeX0Zj8vCy7akZhlHURE"
        "NBruQwJvHaD7mTV7QMg7ndFXt063NLKMVpokPgyEb/WqHlr59tuGLfH7QpTTXc3kVH1NPYWP5HydWGsLuDjYAG5Y"
        "Fz53+73q+/VEwm/tbNP0JHjbexL9rpCkADkfujrYBk+OeFOfSoTwpf4LqkKVxZaepRTNLiic6/Oxy+jCY7vJg9Ix"
        "R9/768sM7ezE0QtMAqPfK0q7+9TctM/JC2mLip6GMWLqBAhKE+GBRhmRGu+sQLmo3CbXnGTDzNG7PppqDqZeGXVe"
        "VRVxBCHrehESfLcgIdAUO1TIVGlq99lkA1HZnvXWQhGoGpBU4MH5vVzkg9IKWXtE7EkD1wY7"
    ),
    "top bit": (
        "6qGXQ4HZ3Y7zt5Uf/NaYXJwp2Tu7HQoX99tn1VRYwqT0sgP8wmVvrNDxtk3yQRwmpzkDvHRcpZ4bPTYAh9OXyM76"
        "s655QGw2r8OAKOh2H3Qa02l+iQEVJnugVI+jVY59Wrv91l7Kw0nBTshGnqW0u4qjmByhkgwnUxTCWvvfsp/rk8N2"
        "63lsHrMokTB8oPkog5WrtqoMqsovik1FUe+eCuz9DAqJovPA/Qo/zWIZk0rslY+64ILy5cyxoguMg5UX8Ux9jZg/"
        "yWDbshjkduIA1vycF7PsIC+7svcyTaRqyQ+kNPEzeqO/eFteU4+EAxxIVDUillFHU3F/vL/30iNaYNds9Mdpihzy"
        "0Q3xEoTXDgOGniR4NbcMEtA1FAn/6PtnGPGI5xqnnE0AgZ0qyA5RUC07DSH/DsZQvln5sU0/SoLKiiAKlcovuBZh"
        "pRak7zSWoPfJ3D9HO1ZAybJ/OzLMXge6y6ctEUDRnvIEd1lkKyplP1PyXMs/utbprdUbgYIA"
    ),
}

# By key a, of the content and 0xFF up to 4096 bytes.
ESPSECURE = {
    "block": (
        "5wIAABdqWHpGdfOf94n7FC1lbVDDM7i7RgpEmm/XqCvAVnSBbeaEtVqgJxLV370JUfkCKxtkkxOBIC3zioswOrr6"
        "3+GNY9LGGmi+UAyj5HjUm7nUMOP4qzQSlY3XP3Da7DZEIdZgpTLg7EtSsNYeMxLFk9K/htO75F59A169w1KqTCmI"
        "FnVNlUrcySu+ObNXVhxyVDfkXclDupCW1k0nUmYjzddDnCAlLX3803w9CLvWQNX76MKdtxSO0HPgz4pk2bSNnlsh"
        "KBia1eMTH4LJTnOb746wafqO3IrFAqAkO8BZ0PbcjN0Xcp9hB49g7+cccRkfzi7O0S0HE3WOAjeGKElD3uPUEQvZ"
        "xo9/FcFOQY8YtnMMFiPbdSY6rpF7nq3l4h6SoAStJoXzkv3xwn4qS0bWHTbPcMSsZ00jD3Mk38bTbg8bfaFNgNfP"
        "ToAY7RTfyXUF+/PCac0dZ4mupMl0ksWf4k1SOgy+E6VvRzGApjr9N6pH/3YBhxSAfyn7n2iwhdZCn9ekvE/drTvH"
        "1DrCXRTrLJESFnZpQH1v9lQN/Sx9ZMSXAQABAHMTx9Gkwgfz+PRYQaj4utlQqgORMHQeTQINcUGfmG6R6/Zn9QIg"
        "SM2Vot3GVgq1QBFE6BKoCUiF1Wht1jJYavRQSWOBRSbfN7UsWWcFwBbX0ZEMP0AVhzf7XGW46R1Zs6WaK0LJWUnh"
        "FVt0vkGelzJMja10LuoG/qeV1k4DfPlrSmZL90E/yy+rC4oYJSvtmiT48F3yz2xKY0AmC7y6yxsmkQMWRo2ttSUv"
        "oO5+2yvbT/+JYLEesLR6/6oaCq7K2zgrDl8EbJzt9Na0gLIdZXXfpMGKWwDkWIa1GJPWJBO7AaPogQ6kbA0b+BnS"
        "P2JDxPFqvdxFPZcj1GWNk3FMSq1WHZyBMTbcDa7Y1bqoMqfK0hBpOc9rO8XVsF1/tPYPKY67Nhlh7eM2eGIPs/eI"
        "ywqxTw/2OMpg7u38inZwbyltAVoP7DBKE66coEuPnjzPBwJSdWp3IAc6/COQKOnMAnuHgOVJc0tDpJkl0u+dd6g9"
        "/Qi9LQAo1QnwzuKjtoJCIZvsDINkg6/6eIGPsinUTRwX34kjVo31TIVh9QKr2c2KbHoJxCcVzqNCzm4CFl3eGIer"
        "UilyBYUbpgLjRjh9PXvBc0ymBIh0mkjrF2uahICyctAAIU9fl1tLn96C/9a2p6IS5/hOfruUogEm7zCgVfE8rP+A"
        "CPDxS6UWzttx77vG00n/H4gMRavoe7TamAS1hyNdPoo8Q718/A2vNxnUQfpvsSgantnN4y+Gtlprf6gZ4uJwJ/Lp"
        "jDDdXIOk1DCBqBOLHOP0Q4j6FksrSSeceec0Mx8NkgnbMcAQ/vVdlhtaIIHM2aSPCaqUtppjKvkt/h3j5qv8GTmt"
        "gnnlrmeb+VwbAYuJjGV/VL1Ka1Kmq3rjZr+IIzNFBSnPon1nl6cw/fw+DEOT0Ar9SG77L0fRk7XUKqy0mS1WtKA3"
        "nIWp/5BkmJpdLW0UpKeSVdljHVUzaAHjRCxS/Q5cpsxfUmG4JIWoDPJ00SJUrKGhsfI2Rb6XkfKVI9hMpAwgOeU1"
        "pT75+r0KunrGmE+hAAAAAAAAAAAAAAAAAAAAAA=="
    ),
    "key": "d9e2a6a5dc4816edcf2d70bf85b6a28070224ceb173c250d6d03ad99e977a103",
}

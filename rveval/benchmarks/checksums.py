"""sha256 of the published benchmarks, over their records as canonical JSON (see `files.content_of`), by split."""

from __future__ import annotations

PUBLISHED_SHA256 = {
    "gsm8k": {
        "test": "13ee343c128dbc3cee820f744d547416974a23f2ea356a454d4aa3376a35bd37",
        "train": "d7258301a8643789aed45c15bbe328bb4ec398fa60c7eb290ba40ccff26cba9c",
    },
    "humaneval": {
        "test": "62eeaa082ca375405caa318234d2eadb3536c69ab5a5cbf7a70138aac686645c",
    },
    "sciq": {
        "test": "4c4c57540c83ec27e3c115261809dbddf6a0451eda3dada7f5c421a1d11e1066",
        "validation": "ae3aabe2d8cfbaaaa2f65829516a535d7431a95962097432899a64975fb95312",
        "train": "ad95a807ba8f355515b40d1abda996e5d7edbe778f79170c093fda5f3dfcc73f",
    },
}

BBH = {
    "boolean_expressions": "f9ba95d2ece9f1c477992bad24d26af86c7bf6310e4201bd193a0390ad9eeda7",
    "causal_judgement": "4e52c4206f55e0f39a7b8abada099f328281431fa0fafa734e1308a0f1e4f346",
    "date_understanding": "9a5c7b3467309e95688b710a6df28e0fa12a4e6aa7393d50113c1eb067afbe12",
    "disambiguation_qa": "25033771bc5eaea5ddfdbaf80b5e1b90590e991327fad49455a4aac8a3719c78",
    "dyck_languages": "0582d24687240aa4f39ca8d1158bdfa741f5e43f125ab8089feb8525f381b2a8",
    "formal_fallacies": "4591ed178a3ec9891c68e2ac96c3f2d219a468f4940cf08f4d0a49fcb48ffcc1",
    "geometric_shapes": "9b79f54c31f7e4f30d89e956a7d4aed9d53ea3544ed4ace4b3c53c93a4aaf4c0",
    "hyperbaton": "976b4bc37c689338e428aecbceffeccacc00e4ce457fd6b4a03f2ab4a2d982aa",
    "logical_deduction_five_objects": "20ecfc7eda1b35ce79b6c5814d880b5d45b5d063d010f55669bfbabfdaa0ee15",
    "logical_deduction_seven_objects": "571438c03cb90b8caec012378949bbc38f86b5371c77492fe13904561462a32f",
    "logical_deduction_three_objects": "83bc6a82f70e6d6116b3a275289d078ae6c557959c287360c2f0a825bebb3648",
    "movie_recommendation": "26b538a0a83e271950dea29d8f1db0cddd181ecf70ec76716da92dbef6436b29",
    "multistep_arithmetic_two": "0983d4546ba507ff9a38b7b9294958a80f28579d7cc0eeb07a01d72cab28f31d",
    "navigate": "c41c149a096ad2440ccdc879916787f0d83396c9951c3c25e2b9564615789dc6",
    "object_counting": "525582f40c5194365ab4e02b7c10758d4fe8ccf7603a902a6fbb6aa69577560a",
    "penguins_in_a_table": "f6c8ee4438905e74232deb57a2949ee8a365e230d201c004a48d2451d23f5c31",
    "reasoning_about_colored_objects": "f0fa4d0cc4eea8d1c22fe828208861bfbd9f8d1b08ef61ceee7d8d489e1b0e80",
    "ruin_names": "fa0d268b2f1dc50c307d22d6f6ba689a8bf73182e373b7454d19c4e966cb9dff",
    "salient_translation_error_detection": "648160d2f3af41687a95891a05c4dfa6e359f3fcd9f13ef52a2b6d1dbd8c3131",
    "snarks": "89b153d518bc26d7c452d18495c893e25f80b52c849d098d0b6977b415f20b5a",
    "sports_understanding": "55bacbab10557ee7caab7f5d9624cfe2c75b182cedbc05f7fd7a77204a9f1437",
    "temporal_sequences": "feb648dfdf8b3a9c8d500a435e7074baff51c10bb714087fa6df958d2032d855",
    "tracking_shuffled_objects_five_objects": "4b45676725c67cba8f661ade534feca23dccd5b60bd52c4dadf5c7c9f3559f3b",
    "tracking_shuffled_objects_seven_objects": "fa84aeb984f2668fe447fda2949d118f7500d54e7f8fb9ae3406ff78802cb2e7",
    "tracking_shuffled_objects_three_objects": "c113f9930bb7d2a725c683b50be9469798aed7f9549fc64eac63cc8e8bd14ae0",
    "web_of_lies": "3a079dfe31d15972019ea9a1c33dc4bf2291eb49fe1958379505f3963c0f3a31",
    "word_sorting": "f0d3af304ed4c610c39ac54bd1393e439f4642b8a2f18ec562fc4bfdc7773db8",
}

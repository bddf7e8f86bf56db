use nuages_orm::{BigDecimal, Decimal, ForeignKey, ManyToMany, Model, OneToOne};

#[derive(Model)]
#[model(app = "blog", tabel = "posts", ordering = [-creatd], managed = "no")]
pub struct Post {
    pub id: i64,
    #[field(max_lenght = 200)]
    pub title: String,
    #[field(max_length = "long")]
    pub subtitle: String,
    #[field(max_length = 3)]
    pub stars: i32,
    pub price: Decimal,
    #[field(max_digits = 40, decimal_places = 2)]
    pub total: Decimal,
    #[field(max_digits = 4, decimal_places = 6)]
    pub share: BigDecimal,
    pub author: ForeignKey<Post>,
    #[field(on_delete = Explode, related_name = "+")]
    pub editor: OneToOne<Post>,
    #[field(on_delete = SetDefault, related_name = "+")]
    pub other: ForeignKey<Post>,
    #[field(on_delete = Cascade, related_name = "not a name")]
    pub another: ForeignKey<Post>,
    #[field(on_delete = Cascade)]
    pub first: ForeignKey<Post>,
    #[field(on_delete = Cascade)]
    pub second: ForeignKey<Post>,
    #[field(unique)]
    pub likes: ManyToMany<Post>,
    #[field(auto_now)]
    pub seen: bool,
    #[field(kind = Strng)]
    pub kind: String,
    #[field(kind = Integer)]
    pub text: String,
    pub narrow: f32,
}

fn main() {}
